"""What is done to the data directories that nobody waits for: rolled, scrubbed, compacted."""

from collections.abc import Sequence

from bus.broker.cold_loads import Pool
from bus.broker.stores import Stores
from bus.log.cleaner import Cleaner, CleanerLimits
from bus.log.scrubber import Scrubber
from bus.model.broker_settings import BrokerSettings
from bus.ports import Clock, Disk


class Housework:
    """A scrubber and a cleaner for each directory."""

    def __init__(
        self,
        settings: BrokerSettings,
        stores: Stores,
        disks: Sequence[Disk],
        clock: Clock,
        pool: Pool,
    ) -> None:
        self._stores = stores
        self._pool = pool
        pairs = list(zip(stores.all, disks, strict=True))
        rate, interval_ms = settings.log_scrub_bytes_per_second, settings.log_scrub_interval_ms
        self.scrubbers = [Scrubber(store, disk, clock, rate, interval_ms) for store, disk in pairs]
        limits = CleanerLimits(
            settings.log_cleaner_io_max_bytes_per_second,
            settings.log_cleaner_dedupe_buffer_size,
            settings.log_cleaner_backoff_ms,
            settings.log_cleaner_enable,
        )
        self.cleaners = [Cleaner(store, disk, clock, limits) for store, disk in pairs]

    def keep(self, now_ms: int) -> None:
        """Whatever is due; call it twice a second or so."""
        self._stores.housekeeping(now_ms)
        for scrubber in self.scrubbers:
            scrubber.step(now_ms, self._pool.submit)
        for cleaner in self.cleaners:
            cleaner.step(now_ms, self._pool.submit)

    def close(self) -> None:
        """Nothing more is compacted."""
        for cleaner in self.cleaners:
            cleaner.close()
