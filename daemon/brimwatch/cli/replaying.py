"""How is each target of a recording judged: as it was, or by another configuration?"""

from __future__ import annotations

from dataclasses import replace

from brimwatch.config.settings import Config, TargetSpec
from brimwatch.core.recorded import Declared, Terms
from brimwatch.core.replay import Assume
from brimwatch.core.replayed import Plan
from brimwatch.model import Action, Policy


class Judge:
    """Gives a replay its plans and terms. Without a configuration everything is as it was recorded.

    `notes` are sentences about what is not as it was; each is said once.
    """

    def __init__(self, config: Config | None, assume: Assume) -> None:
        self._config = config
        self._assume = assume
        self._recorded: Terms | None = None
        self.notes: dict[str, None] = {}

    def terms(self, recorded: Terms) -> Terms:
        """What holds for all targets."""
        self._recorded = recorded
        config = self._config
        if config is None or self._as_recorded():
            return recorded
        changed = []
        if config.dry_run != recorded.dry_run:
            changed.append(f"dry run is {'on' if config.dry_run else 'off'}")
        if config.interval != recorded.interval:
            changed.append(f"the interval is {config.interval:g}s instead of {recorded.interval:g}s")
        if changed:
            self.notes[f"not as recorded: {', '.join(changed)}"] = None
        return recorded._replace(interval=config.interval, dry_run=config.dry_run)

    def plan(self, declared: Declared) -> Plan | None:
        """How a target is judged; None where the configuration does not know it."""
        if self._config is None or self._as_recorded():
            return Plan(declared.policy, exact=True)
        spec = _find(self._config, declared)
        if spec is None:
            self.notes[f"{declared.target}: not in this configuration; not judged"] = None
            return None
        if spec.grouped != declared.grouped and not declared.host:
            was = "as one group" if declared.grouped else "each process for itself"
            self.notes[f"{declared.target}: was recorded {was}, and is judged so here too"] = None
        if self._same(spec.policy, declared.policy):
            return Plan(declared.policy, exact=True)
        self.notes[
            f"{declared.target}: judged by policy {spec.policy.name}, not as recorded; a rung that did not run then"
            " is assumed to answer at once and to win back nothing that the recording does not show"
        ] = None
        return Plan(spec.policy, exact=False)

    @property
    def differs(self) -> bool:
        """Is it another configuration than the one that was in force?"""
        return self._config is not None and not self._as_recorded()

    def _as_recorded(self) -> bool:
        """Is it the very file that was in force? Then what was asked for on the command line holds as well."""
        same = self._config is not None and self._recorded is not None and self._config.digest == self._recorded.digest
        return same and self._assume is Assume.RECORDED

    def _same(self, mine: Policy, recorded: Policy) -> bool:
        config, terms = self._config, self._recorded
        if config is None or terms is None or self._assume is Assume.NONE:
            return False
        if (config.dry_run, config.interval) != (terms.dry_run, terms.interval):
            return False
        return _without_options(mine) == _without_options(recorded)


def _find(config: Config, declared: Declared) -> TargetSpec | None:
    """The entry of the same name, or the template of the same name."""
    for name in (declared.target, declared.spec):
        for spec in config.targets:
            if spec.name == name:
                return spec
    return None


def _without_options(policy: Policy) -> Policy:
    """A policy to be compared: a recording does not hold what actions do in detail."""
    tiers = tuple(
        replace(rule, tell=tuple(map(_bare, rule.tell)), do=tuple(map(_bare, rule.do))) for rule in policy.tiers
    )
    return replace(policy, tiers=tiers, name="")


def _bare(action: Action) -> Action:
    return replace(action, options=None)
