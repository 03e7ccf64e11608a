"""The table of the movie format: every case, whatever it is about."""

from tests.conformance import crossing_cases, film_cases, look_cases, place_cases

CASES = [*place_cases.cases(), *look_cases.cases(), *film_cases.cases(), *crossing_cases.cases()]
assert len({case.name for case in CASES}) == len(CASES)
