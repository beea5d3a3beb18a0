"""300,000 orders through their whole life, three years of a gateway: its file levels off."""

from test_housekeeping import check_levels, clock, live  # noqa: F401
from world import World


def test_three_hundred_thousand(tmp_path, clock):  # noqa: F811
    worlds = []

    def make_world(**options):
        worlds.append(World(tmp_path, **options))
        return worlds[-1]

    try:
        check_levels(live(make_world, clock, 30000, 10, 600), 0.35)
    finally:
        for world in worlds:
            world.close()
