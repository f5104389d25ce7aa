"""Configuration of llama.cpp's own router: one INI section per model, one model resident at a time."""

import re
from collections.abc import Mapping

from plan import config
from plan.base.errors import ConfigError
from plan.engine.flags import Served

CONFIG_FILE = "models.ini"
API_KEY_ENV = "LLAMA_API_KEY"  # read by the router and inherited by its children


def render(models: Mapping[str, Served]) -> str:
    """The preset file: a section per model. Raises ConfigError for an id that the router would change."""
    if problems := [problem for model_id in sorted(models) if (problem := _changed(model_id))]:
        raise ConfigError.of(problems)
    sections = ["version = 1\n"]
    for model_id, served in sorted(models.items()):
        rows = [f"{name} = {'true' if value is None else value}" for name, value in served.flags]
        rows += [f"alias = {','.join(served.aliases)}"] if served.aliases else []
        sections.append("\n".join([f"[{model_id}]", *rows, f"sleep-idle-seconds = {served.ttl_s}", ""]))
    return "\n".join(sections)


def arguments(config_dir: str, port: int, host: str = "0.0.0.0") -> tuple[str, ...]:  # noqa: S104 - the Service leads in
    """Arguments of the router: it listens on `port`, on every address of the pod, and keeps one model loaded."""
    return (
        *("--host", host, "--port", str(port)),
        *("--models-preset", f"{config_dir}/{CONFIG_FILE}"),
        *("--models-max", "1"),
        "--no-webui",
    )


def _changed(model_id: str) -> ConfigError | None:
    """The router takes what follows the last ':' for a quant and keeps the end of it, in capitals (tried: 0.5.0)."""
    name, colon, tag = model_id.rpartition(":")
    end = re.search("[-.]([A-Za-z0-9_]+)$", tag)
    kept = (end[1] if end else tag).upper()
    if not colon or kept == tag:
        return None
    rule = (
        f"llama.cpp's own router would serve it as {name}:{kept}: write it so, or without ':', or let llama-swap serve"
    )
    return ConfigError(f"{config.KEY}.models.{model_id}", model_id, f"{rule} (server.engine).")
