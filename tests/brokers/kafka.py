"""A Kafka cluster of one broker: the one that librdkafka brings for tests.

It speaks the protocol on real sockets, with idempotent producers and consumer
groups, in a thread of this process, and keeps its messages in memory. No
registry carries a broker of Apache's own.
"""

import ctypes
from functools import cache
from pathlib import Path

import confluent_kafka

_PRODUCER, _ONLY_BROKER = 0, 1
_pointer, _text, _int = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int


@cache
def _library() -> ctypes.CDLL:
    [path] = Path(confluent_kafka.__file__).parents[1].glob("confluent_kafka.libs/librdkafka-*.so*")
    library = ctypes.CDLL(str(path))
    signatures = {
        "rd_kafka_conf_new": (_pointer, []),
        "rd_kafka_conf_set": (_int, [_pointer, _text, _text, _text, ctypes.c_size_t]),
        "rd_kafka_new": (_pointer, [_int, _pointer, _text, ctypes.c_size_t]),
        "rd_kafka_destroy": (None, [_pointer]),
        "rd_kafka_mock_cluster_new": (_pointer, [_pointer, _int]),
        "rd_kafka_mock_cluster_bootstraps": (_text, [_pointer]),
        "rd_kafka_mock_cluster_destroy": (None, [_pointer]),
        "rd_kafka_mock_topic_create": (_int, [_pointer, _text, _int, _int]),
        "rd_kafka_mock_broker_set_down": (_int, [_pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (_int, [_pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_rtt": (_int, [_pointer, ctypes.c_int32, _int]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class KafkaCluster:
    """Runs until it is closed; while it is down it refuses connections and keeps what it has."""

    def __init__(self) -> None:
        self._library = _library()
        error = ctypes.create_string_buffer(256)
        conf = self._library.rd_kafka_conf_new()
        assert self._library.rd_kafka_conf_set(conf, b"log_level", b"2", error, len(error)) == 0, error.value
        self._client = self._library.rd_kafka_new(_PRODUCER, conf, error, len(error))
        assert self._client, error.value
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._client, 1)
        self.address = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create_topic(self, name: str, *, partitions: int = 4) -> None:
        assert self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), partitions, 1) == 0

    def go_down(self) -> None:
        assert self._library.rd_kafka_mock_broker_set_down(self._cluster, _ONLY_BROKER) == 0

    def come_up(self) -> None:
        assert self._library.rd_kafka_mock_broker_set_up(self._cluster, _ONLY_BROKER) == 0

    def answer_after(self, seconds: float) -> None:
        assert self._library.rd_kafka_mock_broker_set_rtt(self._cluster, _ONLY_BROKER, int(seconds * 1000)) == 0

    def close(self) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)
