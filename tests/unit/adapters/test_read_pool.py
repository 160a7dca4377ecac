"""Reads on threads, their outcome on the loop's thread."""

import asyncio
import threading

from bus.adapters.read_pool import THREADS, ReadPool


def outcome(work):
    """(the future's outcome, whether `work` ran elsewhere, whether `done` ran here)."""

    async def story():
        pool = ReadPool(asyncio.get_running_loop())
        finished = asyncio.get_running_loop().create_future()
        where = []

        def watched():
            where.append(threading.current_thread())
            return work()

        pool.submit(watched, lambda future: finished.set_result((future, threading.get_ident())))
        future, ident = await asyncio.wait_for(finished, 60)
        pool.close()
        elsewhere = where[0] is not threading.current_thread()
        return future, elsewhere, ident == threading.get_ident()

    return asyncio.run(story())


def test_a_result_comes_back_on_the_loop_s_thread():
    future, elsewhere, here = outcome(lambda: memoryview(b"found"))
    assert (bytes(future.result()), elsewhere, here) == (b"found", True, True)


def test_so_does_an_error():
    future, _, here = outcome(lambda: 1 // 0)
    assert isinstance(future.exception(), ZeroDivisionError)
    assert here


def test_no_thread_is_there_before_the_first_read():
    async def story():
        before = set(threading.enumerate())
        pool = ReadPool(asyncio.get_running_loop())
        during = set(threading.enumerate())
        pool.close()
        return during - before

    assert asyncio.run(story()) == set()
    assert THREADS == 4
