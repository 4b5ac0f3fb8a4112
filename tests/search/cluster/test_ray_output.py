"""Ray's own words go to a file."""

import logging
from pathlib import Path

from search.cluster.ray_output import quiet


def test_what_ray_says_is_lost_where_the_disk_is_full_and_raises_nothing():
    with quiet(Path("/dev/full")):
        print("a line")
        logging.getLogger("ray").warning("a warning")
