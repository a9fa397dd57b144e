#!/usr/bin/env python3
"""libpq and libcurl for a long time, with kills and timeouts at random; for
GREENHUB_SOAK_SECONDS, 60 by default, which the hubs share. soak.c says what has to
hold."""

import os
import re

import libraries
import peers
import servers

SECONDS = int(os.environ.get("GREENHUB_SOAK_SECONDS", "60"))
MOST_MORE = 4096  # kilobytes


def case_kills_and_timeouts_at_random():
    where = "host=127.0.0.1 port=%d user=postgres" % servers.postgres()[1]
    url = "http://localhost:%d" % servers.nginx()[0]
    hubs = peers.hubs()
    seconds = max(5, SECONDS // len(hubs))
    for hub in hubs:
        out = libraries.run(
            [libraries.program("soak"), "run", where, url, str(seconds)], hub,
            patience=2 * seconds + libraries.PATIENCE)
        print("# %s, %d s: %s" % (hub, seconds, "; ".join(out.splitlines())))
        libraries.Report(out).leaves_nothing(libraries.CROWD)
        more = int(re.search(r"kilobytes more: (-?\d+)", out).group(1))
        assert more < MOST_MORE, "%s: %d KB more" % (hub, more)


libraries.main(globals())
