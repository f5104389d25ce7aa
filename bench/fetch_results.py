"""What `make bench-fetch` measures, by line and downloader."""

import statistics
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pace:
    """Bytes a second of one connection and of all together, and how far away; None means unlimited, and near."""

    name: str
    connection_bytes_s: float | None = None
    total_bytes_s: float | None = None
    round_trip_s: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One download from start to exit, with everything it started; the peak is of its largest process."""

    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """After SIGKILL at 40 %: bytes that the line carried beyond the file's size, and whether the file is right."""

    again_bytes: int
    right: bool


@dataclass(frozen=True, slots=True)
class Repeated:
    """A run that finds everything there: requests at the hub and at the storage, and seconds."""

    requests: int
    wall_s: float


UNCAPPED = Pace("uncapped")
GIGABIT = Pace("118 MB/s line", total_bytes_s=118e6)  # 1 Gbit/s less the headers of Ethernet, IP and TCP
CAPPED = Pace("40 MB/s a connection", connection_bytes_s=40e6)
DISTANT = Pace("118 MB/s line, 150 ms away", total_bytes_s=118e6, round_trip_s=0.15)
PACES = (UNCAPPED, GIGABIT, CAPPED, DISTANT)


@dataclass(slots=True)
class Results:
    """By pace and downloader, one entry a round; `server_s` are a curl's seconds into nothing, the server alone."""

    size: int
    most_again_bytes: int
    runs: dict[tuple[str, str], list[Run]] = field(default_factory=dict[tuple[str, str], list[Run]])
    resumed: dict[str, list[Resumed]] = field(default_factory=dict[str, list[Resumed]])
    repeated: list[Repeated] = field(default_factory=list[Repeated])
    server_s: list[float] = field(default_factory=list[float])

    def times_as_fast(self, pace: Pace, ours: str, theirs: str) -> float:
        """Their seconds by ours, round by round; the median, because the machine is not equally fast in all rounds."""
        pairs = zip(self.runs[pace.name, theirs], self.runs[pace.name, ours], strict=True)
        return statistics.median(their.wall_s / our.wall_s for their, our in pairs)

    def of_the_line(self, pace: Pace, ours: str) -> float:
        """The part of the line's own rate that is reached; the median."""
        return statistics.median(self.size / run.wall_s for run in self.runs[pace.name, ours]) / (
            pace.total_bytes_s or 1
        )

    def mb_s(self, wall_s: float) -> float:
        return self.size / 1e6 / wall_s
