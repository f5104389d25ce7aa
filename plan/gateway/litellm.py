"""What a LiteLLM gateway includes to serve a stack: the contract as its `model_list`.

A file named under `include` may hold `model_list` alone: LiteLLM (1.106, proxy/common_utils/config_includes.py) appends
an included list, but puts an included section in place of the gateway's own, and general_settings has its master_key.
So whatever a model needs stands at the model, and what only a section can say is a comment for a person to copy.
"""

from typing import Any

from plan.gateway.contract import Contract, ContractModel
from plan.text.writer import yaml_text

# Both speak to any address; the first has no way for ranks (LiteLLM 1.106, rerank_api/main.py).
_PROVIDERS = {"chat": "openai", "embedding": "openai", "rerank": "hosted_vllm"}
_RATE_LIMIT_RETRIES = 3  # a full queue answers 429 at once, and loads nothing
_BESIDE = {
    "general_settings": {"health_check_skip_disabled_background_models": True},
    "router_settings": {"retry_policy": {"RateLimitErrorRetries": _RATE_LIMIT_RETRIES}},
}
_HEADER = """\
# For the `include` of a LiteLLM gateway; {env} is in its environment, from the Secret
# {namespace}/{secret}, key {key}. Read at its start only: after a change, roll its pods.
# Probe /health/liveliness and /health/readiness, never /health: that one asks every model for a completion.
# These belong in the gateway's own file, because an included section would replace the whole of its own:
"""


def render(contract: Contract) -> str:
    """The file, byte-stable: one entry for each id and alias, in the contract's order; the key itself is not in it."""
    auth = contract["auth"]
    header = _HEADER.format(env=auth["env"], namespace=auth["namespace"], secret=auth["secretName"], key=auth["key"])
    beside = "".join(f"#   {line}\n" for line in yaml_text(_beside(contract)).splitlines())
    entries = [
        _entry(name, model, contract)
        for model in contract["models"]
        for name in (model["id"], *sorted(model["aliases"]))
    ]
    return f"{header}{beside}{yaml_text({'model_list': entries})}"


def _beside(contract: Contract) -> dict[str, dict[str, Any]]:
    # LiteLLM looks a fallback up by the name that was asked for, alias or id (1.106, router_utils/fallback_event_
    # handlers.py), and knows fallbacks in sections alone.
    models = {model["id"]: model for model in contract["models"]}
    fallbacks = [
        {name: [model["fallback"]]}
        for model in contract["models"]
        if model["fallback"] and _stays_beside(models[model["fallback"]], model)
        for name in (model["id"], *sorted(model["aliases"]))
    ]
    router = {**_BESIDE["router_settings"], **({"fallbacks": fallbacks} if fallbacks else {})}
    return {**_BESIDE, "router_settings": router}


def _stays_beside(other: ContractModel, model: ContractModel) -> bool:
    # LiteLLM falls back at the first 5xx: within a group each would unload the other, request by request.
    return other["resident"] or other["swapGroup"] != model["swapGroup"]


def _longest(name: str, model: ContractModel) -> object:
    """Tokens of an answer under that name."""
    return model.get("variants", {}).get(name, {}).get("max_tokens", model["maxOutputTokens"])


def _entry(name: str, model: ContractModel, contract: Contract) -> dict[str, Any]:
    limits = contract["limits"]
    return {
        "model_name": name,
        "litellm_params": {
            # The server knows a variant by the name that was asked for.
            "model": f"{_PROVIDERS[model['mode']]}/{name if name in model.get('variants', {}) else model['id']}",
            "api_base": contract["endpoint"],
            "api_key": f"os.environ/{contract['auth']['env']}",
            # Both, or the gateway's own hold: the second is the time until a stream's headers, after queue and load.
            "timeout": limits["recommendedTimeoutSeconds"],
            "stream_timeout": limits["recommendedTimeoutSeconds"],
            "num_retries": limits["retries"],
            # 0 is none: else one 401 or 404 makes LiteLLM refuse the only deployment there is for five seconds.
            "cooldown_time": 0,
        },
        "model_info": {
            "mode": model["mode"],
            "supports_vision": model["vision"],
            "supports_function_calling": model["tools"],
            "max_input_tokens": model["contextTokens"],
            **({"max_output_tokens": _longest(name, model)} if model["mode"] == "chat" else {}),
            **({"output_vector_size": model["dimensions"]} if "dimensions" in model else {}),
            "input_cost_per_token": 0,
            "output_cost_per_token": 0,
            # A check is a completion: every round of them would load each model in turn.
            "disable_background_health_check": True,
        },
    }
