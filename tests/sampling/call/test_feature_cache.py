"""What is kept of pictures stays within its room, and is found where it is asked for again."""

import torch

from kinema.sampling.call.feature_cache import FeatureCache


def features(size=20):
    return (torch.zeros(size // 2), torch.zeros(size // 4, 2))  # 4 bytes each number


def missed(cache, keys):
    """The keys of `keys` that a pass computes and offers to `cache`."""
    cache.next_pass()
    return [key for key in keys if cache.get(key) is None and cache.keep(key, features()) is None]


def test_the_cache_finds_what_fits_in_every_pass():
    cache = FeatureCache(most=3 * 80)
    assert [missed(cache, "abcde") for _ in range(4)] == [list("abcde"), ["d", "e"], ["d", "e"], ["d", "e"]]
    assert cache.nbytes == 240


def test_the_cache_drops_what_a_pass_did_not_need():
    cache = FeatureCache(most=3 * 80)
    missed(cache, "abc")
    assert [missed(cache, "xyz") for _ in range(3)] == [list("xyz"), list("xyz"), []]  # as when other windows take over
    assert cache.get("a") is None and cache.nbytes == 240


def test_the_cache_keeps_nothing_that_is_larger_than_all_its_room():
    cache = FeatureCache(most=100)
    missed(cache, "a")
    cache.keep("large", features(40))
    assert cache.get("large") is None and cache.get("a") is not None and cache.nbytes == 80
