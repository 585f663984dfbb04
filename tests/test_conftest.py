"""The ground that the other tests stand on: shapes are checked, and nothing reaches the network."""

from __future__ import annotations

import socket

import pytest
import torch
from jaxtyping import TypeCheckError

from gptcore.config import GPTConfig
from gptcore.model import GPTModel


def test_a_wrong_shape_or_type_is_caught_where_it_is_handed_over() -> None:
    model = GPTModel(GPTConfig(16, 8, 4, 2, 1, 0.0, True))
    model(torch.zeros(1, 3, dtype=torch.int64))
    for wrong in (torch.zeros(3, dtype=torch.int64), torch.zeros(1, 3)):
        with pytest.raises(TypeCheckError):
            model(wrong)


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("a-model-hub.example", 443)])
def test_a_test_that_reaches_for_the_network_is_stopped(address: tuple[str, int]) -> None:
    with pytest.raises(PermissionError, match="without the network"):
        socket.create_connection(address, timeout=1)


def test_this_machine_itself_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), timeout=1) as client:
        assert client.getpeername() == server.getsockname()
