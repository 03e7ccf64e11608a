"""The recipe learns, goes on after an interruption, and writes what Whisper reads."""

import hashlib

import numpy as np
import pytest
import torch

from training.batch import Batches, make_batch
from training.evaluate import load
from training.export import Exported, export
from training.losses import losses_of
from training.measure import Measured, aligned
from training.schedule import Kind, Step, plan
from training.speakers import KNOWN, Speaker, make_speakers
from training.speech import SpokenWord
from training.tokens import PLACES, TOKENIZER
from training.train import Trainer

SEED = 3
STEPS = 8


@pytest.fixture(scope="module")
def speakers() -> list[Speaker]:
    return make_speakers(SEED, 2, KNOWN, phrases=4)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def steps_of(kind: Kind, count: int = STEPS) -> list[Step]:
    return [Step(kind, 2e-3, number == 0) for number in range(count)]


def loss(trainer: Trainer, speakers: list[Speaker]) -> float:
    """Return the loss for windows that the training has not seen."""
    batch = make_batch(np.random.default_rng(0), speakers, Kind.WRITE)
    return losses_of(trainer.model, batch).total().item()


def learn(trainer: Trainer, steps: list[Step], speakers: list[Speaker]) -> None:
    batches = Batches(speakers, SEED, steps, trainer.done)
    for number in range(len(batches)):
        trainer.learn(batches[number])


@pytest.fixture(scope="module")
def trained(speakers) -> Trainer:
    """Train a model a little."""
    steps = steps_of(Kind.WRITE)
    trainer = Trainer(steps, SEED)
    learn(trainer, steps, speakers)
    return trainer


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory) -> Exported:
    return export(trained.model, tmp_path_factory.mktemp("checkpoint"))


def test_a_handful_of_steps_from_the_seed_lowers_the_loss(speakers, trained):
    fresh = Trainer([], SEED)

    assert trained.done == STEPS
    assert loss(trained, speakers) < 0.7 * loss(fresh, speakers)


@pytest.mark.parametrize("kind", [Kind.CLIP, Kind.WINDOW])
def test_every_kind_of_step_reaches_every_parameter(speakers, kind):
    trainer = Trainer(steps_of(kind, 1), SEED)

    learn(trainer, steps_of(kind, 1), speakers)

    untouched = {name for name, value in trainer.model.named_parameters() if value.grad is None}
    assert untouched == {"whisper.decoder.positional_embedding"}  # places go through a matrix instead


def test_an_interrupted_training_goes_on_as_if_it_had_not_been(speakers, tmp_path):
    steps = steps_of(Kind.HEAR, 2)
    whole, first, second = (Trainer(steps, SEED) for _ in range(3))

    learn(whole, steps, speakers)
    first.learn(Batches(speakers, SEED, steps, 0)[0])
    first.keep(tmp_path / "trainer.pt")
    second.restore(tmp_path / "trainer.pt")
    learn(second, steps, speakers)

    assert second.done == 2
    for name, value in whole.model.state_dict().items():
        np.testing.assert_array_equal(second.model.state_dict()[name].numpy(), value.numpy(), err_msg=name)


def test_whisper_reads_the_checkpoint_compressed_or_not(exported):
    for file in (exported.checkpoint, exported.checkpoint.with_suffix(".pt.xz")):
        dims = load(file).dims
        assert (dims.n_vocab, dims.n_audio_ctx, dims.n_text_ctx) == (51865, 1500, 448)
    assert exported.packed_bytes < 2_000_000
    assert exported.sha256 == hashlib.sha256(exported.checkpoint.read_bytes()).hexdigest()


def test_whisper_writes_what_the_trained_model_does_and_never_an_unused_token(speakers, trained, exported):
    model = load(exported.checkpoint)
    batch = make_batch(np.random.default_rng(0), speakers, Kind.WINDOW)
    used = sorted(PLACES, key=PLACES.__getitem__)

    with torch.no_grad():
        wanted, _ = trained.model.decode(batch.read, *trained.model.encode(batch))
        found = model.logits(torch.tensor(used)[batch.read], model.encoder(batch.mel))

    assert float((found[..., used] - wanted).abs().max()) < 0.1
    unused = set(range(model.dims.n_vocab)) - {*used, *TOKENIZER.all_language_tokens, TOKENIZER.translate}
    assert float(found[..., sorted(unused)].max()) == pytest.approx(-40)


def test_the_full_plan_has_each_kind_of_step_and_ends_slowly():
    steps = plan()

    kinds = [step.kind.name for step in steps]
    assert {name: kinds.count(name) for name in kinds} == {"HEAR": 1200, "WRITE": 2000, "WINDOW": 833, "CLIP": 667}
    assert [number for number, step in enumerate(steps) if step.begins_cycle] == [0, 3700]
    assert steps[-1].learning_rate == pytest.approx(1.2e-5, rel=0.01)


def test_a_reduced_plan_keeps_the_shares():
    steps = plan(47)

    assert [step.kind.name for step in steps].count("HEAR") == 12
    assert len(steps) == 47


def test_words_are_aligned_with_the_fewest_edits():
    said, heard = ["start", "the", "red", "video", "today"], ["start", "red", "video", "now"]

    assert aligned(said, heard) == ([(0, 0), (2, 1), (3, 2)], 2)


def test_accuracy_counts_missing_extra_and_other_words():
    measured = Measured()
    said = [SpokenWord("red", 100, 400), SpokenWord("video", 400, 900), SpokenWord("one", 1000, 1300)]
    measured.add(said, [SpokenWord("red", 0, 410), SpokenWord("video", 430, 880)])
    measured.add(said, said)

    assert (measured.words, measured.wrong_words, measured.exact_recordings) == (6, 1, 1)
    assert measured.accuracy_percent == pytest.approx(500 / 6)
    assert measured.start_errors_ms == [30, 0, 0]
    assert measured.end_errors_ms == [10, -20, 0, 0, 0]
