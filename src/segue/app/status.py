"""What a glance at the providers should show: who is healthy, how busy, how often it failed."""

from typing import Any

from segue.app.running import Running


def status_of(running: Running) -> dict[str, Any]:
    """Every provider: configuration, health, load and counts."""
    engine = running.engine
    world = engine.world
    now = world.clock.now()
    health = world.health.status(now)
    counts = running.metrics.summary()["providers"]
    return {
        name: {
            "adapter": provider.adapter,
            "enabled": provider.enabled,
            "priority": provider.priority,
            "weight": provider.weight,
            "operations": sorted(provider.operations),
            "models": [info.id for info in provider.models] + (["*"] if provider.wildcard else []),
            "in_flight": provider.load.in_flight,
            "allowances": {
                label: {"requests": told.requests, "tokens": told.tokens, "told_s_ago": round(now - told.told_at, 1)}
                for label, told in provider.load.allowances.items()
            },
            **_health_of(health.get(name)),
            **counts.get(name, {"calls": 0, "failures": 0, "success_rate": None}),
        }
        for name, provider in engine.snapshot.providers.items()
    }


def _health_of(health: dict[str, Any] | None) -> dict[str, Any]:
    """The health of a provider; what it lists as `models` are only those that are held back."""
    if health is None:
        return {"state": "closed"}
    return {**{key: value for key, value in health.items() if key != "models"}, "held_back_models": health["models"]}
