"""The four codecs of the record batch, by well-kept libraries, with a bound on what they unpack."""
