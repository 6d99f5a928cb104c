"""The device and the number format that a model runs in."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from msr import backbones
from msr.backbones.protocol import BackboneError
from msr.backbones.transformers import device
from msr.config import BackboneConfig


@pytest.fixture
def bare(monkeypatch):
    """A machine without an accelerator."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_auto_takes_the_fastest_that_is_there(bare, monkeypatch):
    assert device.pick_device().type == "cpu"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert device.pick_device().type == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.pick_device().type == "cuda"
    assert device.pick_device("cpu").type == "cpu"


@pytest.mark.parametrize("wanted", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_named(bare, wanted):
    with pytest.raises(BackboneError, match=f"'{wanted}' is not available"):
        device.pick_device(wanted)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"avx512_bf16": False, "amx_bf16": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_a_cpu_uses_bfloat16_where_its_flags_have_it(monkeypatch, flags, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags)
    assert device.pick_dtype(torch.device("cpu")) is expected


def test_the_flags_have_the_names_that_torch_gives_them():
    """Names of another processor family are not listed at all, so this is told on x86 alone."""
    told = torch.cpu.get_capabilities()
    assert told.get("architecture") != "x86_64" or set(device._BFLOAT16_FLAGS) <= set(told)


@pytest.mark.parametrize(("native", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_gpu_uses_bfloat16_only_where_it_is_native(monkeypatch, native, expected):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert device.pick_dtype(torch.device("cuda")) is expected


def test_a_format_that_was_asked_for_is_used(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: pytest.fail("the flags were read"))
    assert device.pick_dtype(torch.device("cpu"), "bfloat16") is torch.bfloat16
    assert device.pick_dtype(torch.device("cpu"), "float32") is torch.float32
    assert device.pick_dtype(torch.device("mps")) is torch.float32


_PASSES = """
import resource, sys, threading, torch
from msr.backbones.transformers.device import hasten

def passes():
    for _ in range(10):
        a, b = (torch.empty(size * 2**18).fill_(1.0) for size in (12, 20))

def faults():
    counts = []
    def work():
        passes()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        passes()
        counts.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return counts[0]

before = faults()
hasten(torch.device("cpu"))
hasten(torch.device("cpu"))
print(before, min(faults() for _ in range(3)))  # now and then a block lands anew
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_a_cpu_keeps_the_memory_of_a_pass_for_the_next_one():
    out = subprocess.run([sys.executable, "-c", _PASSES], capture_output=True, text=True, check=True).stdout
    before, after = map(int, out.split())
    assert after < before / 50


@pytest.mark.parametrize("name", ["pocket", "some/model"])
def test_every_model_in_this_process_is_hastened_before_it_is_loaded(monkeypatch, name):
    class Hastened(Exception):
        pass

    def hasten(where):
        raise Hastened

    monkeypatch.setattr(device, "hasten", hasten)
    monkeypatch.setattr(backbones, "_in_this_process", lambda *asked: pytest.fail("was loaded"))
    with pytest.raises(Hastened):
        backbones.load(BackboneConfig(name))


def test_an_accelerator_is_left_alone(monkeypatch):
    monkeypatch.setattr(device.ctypes, "CDLL", lambda name: pytest.fail("was tuned"))
    device.hasten(torch.device("cuda"))


def test_four_bits_need_a_gpu_and_bitsandbytes(monkeypatch):
    with pytest.raises(BackboneError, match="need a GPU"):
        device.four_bit(torch.device("cpu"), torch.float32)
    monkeypatch.setattr(device, "find_spec", lambda name: None)
    with pytest.raises(BackboneError, match="pip install bitsandbytes"):
        device.four_bit(torch.device("cuda"), torch.bfloat16)
    monkeypatch.setattr(device, "find_spec", lambda name: name)
    made = device.four_bit(torch.device("cuda"), torch.bfloat16)
    assert (made.load_in_4bit, made.bnb_4bit_compute_dtype) == (True, torch.bfloat16)


@pytest.mark.parametrize("name", ["pocket", "some/checkpoint"])
def test_four_bits_on_a_cpu_are_one_clear_error(name):
    with pytest.raises(BackboneError, match="4-bit weights"):
        backbones.load(BackboneConfig(name, device="cpu", dtype="float32", weights="4bit"))
