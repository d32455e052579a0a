"""Reading state dicts and running networks beside other work."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from understudy.core.errors import WeightsError
from understudy.core.extraction.networks import inference, load, read_state


@pytest.fixture
def saved(tmp_path):
    def save(data: object, **more: bool):
        torch.save(data, tmp_path / "some.pth", **more)
        return tmp_path / "some.pth"
    return save


def network() -> nn.Module:
    return nn.Sequential(OrderedDict(conv=nn.Conv2d(3, 4, 3), bn=nn.BatchNorm2d(4)))


@pytest.mark.parametrize("envelope", [None, "state_dict", "net_state_dict", "model_state_dict"])
@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_are_found_however_trainings_save_them(saved, envelope, prefix, zipped):
    state = {prefix + key: value for key, value in network().state_dict().items()}
    file = saved({"epoch": 7, envelope: state} if envelope else state, _use_new_zipfile_serialization=zipped)
    found = read_state(file)
    assert found.keys() == network().state_dict().keys()
    for key, value in found.items():
        torch.testing.assert_close(value, state[prefix + key])


def test_a_loaded_network_infers_and_has_the_files_numbers(saved):
    state = network().state_dict()
    state.pop("bn.num_batches_tracked")  # files from before PyTorch 0.4.1 lack it
    file = saved(state)
    ready = load(network(), read_state(file), file)
    assert not ready.training
    assert not any(parameter.requires_grad for parameter in ready.parameters())
    torch.testing.assert_close(ready.conv.weight, state["conv.weight"])


@pytest.mark.parametrize("data", [[1, 2], {"a": "text"}, {"state_dict": {"a": 3}}, "words", np.zeros(3)],
                         ids=["list", "text", "number in an envelope", "words", "array"])
def test_what_is_no_state_dict_is_told_by_name(saved, data):
    with pytest.raises(WeightsError, match=r"some\.pth"):
        read_state(saved(data))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"\x80\x02}q\x00.", b"text " * 50])
def test_files_of_other_kinds_are_told_by_name(tmp_path, content):
    (tmp_path / "some.pth").write_bytes(content)
    with pytest.raises(WeightsError, match=r"some\.pth"):
        load(network(), read_state(tmp_path / "some.pth"), tmp_path / "some.pth")


def test_inference_takes_one_thread_and_gives_the_others_back():
    before = torch.get_num_threads()

    def fail() -> None:
        with inference():
            assert torch.get_num_threads() == 1
            assert not (torch.ones(1, requires_grad=True) * 2).requires_grad
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.get_num_threads() == before
    assert torch.is_grad_enabled()
