"""Waiting for a condition, never for a time."""
import time


class NeverCame(AssertionError):
    pass


def wait_for(look, what, timeout=30.0, interval=0.05):
    """Call look() until it returns something true, and return that; NeverCame after timeout seconds.

    An exception of look() counts as "not yet"; the last one is shown when time is up."""
    deadline = time.monotonic() + timeout
    last = None
    while True:
        try:
            result = look()
            if result:
                return result
            last = result
        except Exception as problem:  # noqa: BLE001 - whatever it is, it is "not yet"
            last = problem
        if time.monotonic() >= deadline:
            raise NeverCame(f'{what}: not within {timeout:g} s; last: {last!r}')
        time.sleep(interval)
