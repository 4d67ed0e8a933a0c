import pytest
from toy import changed

from fperank.params.parameters import TrainParams
from fperank.training.schedule import learning_rate


@pytest.fixture
def own(params):
    group = TrainParams.model_validate(params.model_dump(include=set(TrainParams.model_fields)))
    return changed(group, learning_rate=0.1, epochs=10)


def test_constant_stays(own):
    constant = changed(own, lr_schedule="constant")
    assert {learning_rate(constant, e, [1.0] * int(e)) for e in (0, 3.5, 9)} == {0.1}


def test_cosine_rises_for_half_an_epoch_and_falls_to_zero(own):
    cosine = changed(own, lr_schedule="cosine")
    rates = [learning_rate(cosine, k / 10, []) for k in range(101)]
    assert rates[0] < 0.01
    assert rates.index(max(rates)) == 5
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[50] == pytest.approx(0.05)
    assert rates[100] == pytest.approx(0, abs=1e-9)


def test_plateau_halves_after_two_epochs_without_a_new_low(own):
    plateau = changed(own, lr_schedule="plateau")
    losses = [1.0, 0.9, 0.95, 0.92, 0.91, 0.93, 0.8]
    rates = [learning_rate(plateau, k, losses[:k]) for k in range(8)]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.025, 0.025])
