"""The device that only pretends, asked by a client as llama.cpp's is."""

import struct

import pytest

from ops.allocator import sizes
from ops.allocator.device import device
from tests.ops.allocator import rpc
from tests.ops.allocator.rpc import Client, size_request, tensor

F32, F16, Q8_0, Q4_K = 0, 1, 8, 12
KIB = 1024


def size_of(asked: bytes, *sources: bytes) -> int:
    with device() as card, Client(card.address) as client:
        client.greet()
        (size,) = struct.unpack("<Q", client.ask(rpc.GET_ALLOC_SIZE, size_request(asked, *sources)))
    return size


def attention(queries: int, kind: int, cells: int, values: int | None = None, **of_values: int) -> int:
    """Bytes of the result of one slot's attention: 4 heads of 128, over 2 heads of keys and values."""
    result = tensor(F32, 128, 4, queries, operation=sizes.FLASH_ATTENTION, id=9)
    keys = tensor(kind, 128, cells, 2, id=2)
    return size_of(
        result, tensor(F32, 128, queries, 4, id=1), keys, tensor(values or kind, 128, cells, 2, id=3, **of_values)
    )


def test_it_greets_counts_itself_and_claims_more_memory_than_any_model_takes() -> None:
    with device() as card, Client(card.address) as client:
        assert client.greet()[:3] == bytes([7, 0, 0])
        assert client.ask(rpc.DEVICE_COUNT) == struct.pack("<I", 1)
        assert client.ask(rpc.GET_ALIGNMENT, bytes(4)) == struct.pack("<Q", 128)
        free, total = struct.unpack("<QQ", client.ask(rpc.GET_DEVICE_MEMORY, bytes(4)))
        assert free == total == 2**40
        assert card.address.startswith("127.0.0.1:")
        assert card.flaw == ""


def test_buffers_are_promised_counted_and_kept_nowhere() -> None:
    with device() as card, Client(card.address) as client:
        client.greet()
        names = [client.ask(rpc.ALLOC_BUFFER, struct.pack("<IQ", 0, 50 * 2**30)) for _ in range(2)]
        bases = {client.ask(rpc.GET_BASE, name[:8]) for name in names}
        client.send(rpc.CLEAR, names[0][:8] + b"\0")
        client.send(rpc.FREE_BUFFER, names[0][:8])

        assert [struct.unpack("<QQ", name)[1] for name in names] == [50 * 2**30] * 2
        assert len(bases) == 2, "two buffers at one place would be one"
        assert client.ask(rpc.DEVICE_COUNT), "what needs no answer gets none"
        assert card.allocated == 100 * 2**30


def test_a_plain_tensor_takes_its_bytes_and_a_quantized_row_is_padded_to_512() -> None:
    assert size_of(tensor(F32, 100, 7)) == 100 * 7 * 4
    assert size_of(tensor(Q4_K, 512, 10)) == 10 * 2 * 144
    assert size_of(tensor(Q4_K, 256, 10)) == 10 * 144 + 144
    assert size_of(tensor(Q8_0, 608, 3)) == 3 * 19 * 34 + (1024 - 608) // 32 * 34


@pytest.mark.parametrize("queries", [3, 64, 512])
def test_flash_attention_copies_a_quantized_cache_to_f16_behind_its_result(queries: int) -> None:
    plain = 4 * 128 * 4 * queries

    assert attention(queries, F16, 4 * KIB) == plain
    assert attention(queries, Q8_0, 4 * KIB) == plain + 2 * (2 * 128 * 4 * KIB * 2)
    assert attention(queries, Q8_0, 4 * KIB, values=F16) == plain + 2 * 128 * 4 * KIB * 2


def test_one_or_two_queries_read_a_quantized_cache_as_it_is() -> None:
    assert attention(1, Q8_0, KIB) == 4 * 128 * 4
    assert attention(2, Q8_0, KIB) == 4 * 128 * 4 * 2


def test_values_that_are_a_view_of_the_keys_are_copied_with_them() -> None:
    """As in models with a compressed cache, which keep no values."""
    assert attention(64, Q8_0, KIB, view=2) == 4 * 128 * 4 * 64 + 2 * 128 * KIB * 2
    assert attention(64, Q8_0, KIB, view=77, offset=1) == 4 * 128 * 4 * 64 + 2 * (2 * 128 * KIB * 2)


FLAWS = {
    "no greeting": (rpc.DEVICE_COUNT, b"", "out of turn"),
    "a command of another protocol": (42, b"", "the command 42"),
    "a request of another length": (rpc.GET_ALIGNMENT, bytes(8), "command 1 with 8 bytes"),
    "a tensor of a type that is not known": (rpc.GET_ALLOC_SIZE, size_request(tensor(99, 4)), "type 99"),
}


@pytest.mark.parametrize(("command", "content", "flaw"), FLAWS.values(), ids=FLAWS)
def test_a_client_of_another_protocol_is_hung_up_on_and_named(command: int, content: bytes, flaw: str) -> None:
    with device() as card, Client(card.address) as client:
        if flaw != "out of turn":
            client.greet()
        assert client.ask(command, content) == b""
        assert flaw in card.flaw
        with Client(card.address) as other:
            assert other.greet(), "the next one is served all the same"


def test_weights_are_not_taken_however_many_are_announced() -> None:
    with device() as card, Client(card.address) as client:
        client.greet()
        client.send(rpc.SET_TENSOR, b"x" * 100, length=2**40)

        assert client.take(1) == b"", "it hangs up, and reads no more"
        assert "1099511627776 bytes" in card.flaw


def test_a_client_that_breaks_off_within_a_request_ends_its_own_connection_alone() -> None:
    with device() as card:
        with Client(card.address) as client:
            client.greet()
            client.send(rpc.GET_ALLOC_SIZE, b"half", length=sizes.REQUEST_BYTES)
        with Client(card.address) as other:
            assert other.greet()
