"""A short run of the random renderer."""

import pytest

from tests.fuzz.documents import Documents
from tests.fuzz.render import outcome


@pytest.mark.parametrize("seed", range(40))
def test_a_random_document_becomes_a_film_or_is_refused(seed):
    assert outcome(Documents(seed).document()) in {"film", "refused", "INVALID_INPUT", "UNSUPPORTED_MEDIA"}
