"""`ops fit --json`: the report for a program. Memory in MiB, contexts in tokens."""

from typing import Any

from ops.fit.report import Report, notes
from plan import config
from plan.card.fit import Fit
from plan.vram.estimate import Breakdown


def of_report(report: Report) -> dict[str, Any]:
    """The report for a program; `models` has the keys of plan/vram/estimate.py's Breakdown, MiB."""
    fit = report.fit
    return {
        "stack": report.stack,
        "fits": report.fits,
        "card": None if fit is None else _card(fit),
        "models": {} if fit is None else _models(report.configured, fit),
        "undeclared": list(report.undeclared),
        "notes": notes(report),
    }


def of_model(breakdown: Breakdown) -> dict[str, Any]:
    """The parts of one model's memory, in MiB with two digits after the point."""
    exact = {
        "weights_mib": breakdown.weights_mib,
        "kv_mib": breakdown.kv_mib,
        "state_mib": breakdown.state_mib,
        "compute_mib": breakdown.compute_mib,
        "mmproj_weights_mib": breakdown.mmproj_weights_mib,
        "mmproj_compute_mib": breakdown.mmproj_compute_mib,
        "draft_weights_mib": breakdown.draft_weights_mib,
        "draft_cache_mib": breakdown.draft_cache_mib,
        "draft_compute_mib": breakdown.draft_compute_mib,
        "context_mib": breakdown.context_mib,
        "total_mib": breakdown.total_mib,
        "upper_mib": breakdown.upper_mib,
        "host_experts_mib": breakdown.host_experts_mib,
    }
    rounded = {key: round(mib, 2) for key, mib in exact.items()}
    return {**rounded, "source": breakdown.source, "notes": list(breakdown.notes)}


def _card(fit: Fit) -> dict[str, Any]:
    return {
        "name": fit.card.name,
        "total_mib": fit.card.total_mib,
        "capacity_mib": fit.capacity_mib,
        "used_mib": fit.used_mib,
        "free_mib": max(0, -fit.over_mib),
        "over_mib": max(0, fit.over_mib),
        "models_mib": fit.needed_mib,
        "router_mib": fit.router_mib,
        "reserve_mib": sum(row.mib for row in fit.rows if row.kind == "reserve"),
        "tenants_mib": sum(row.mib for row in fit.rows if row.kind == "tenant"),
        "holders": [{"who": row.who, "kind": row.kind, "mib": row.mib, "source": row.source} for row in fit.rows],
    }


def _models(stack: config.Stack, fit: Fit) -> dict[str, Any]:
    return {
        model_id: {
            **of_model(breakdown),
            "context": stack.models[model_id].request_tokens,
            "largest_context": fit.largest_context.get(model_id),
            "on_the_card": model_id in fit.resident,
        }
        for model_id, breakdown in sorted(fit.models.items())
    }
