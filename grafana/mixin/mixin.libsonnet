// The rules and dashboards of Brimwatch as a mixin. Settings and what they do: daemon/docs/alerts.md.
//   (import 'brimwatch/grafana/mixin/mixin.libsonnet') + { _config+:: { selector: 'cluster="north"' } }
{
  _config+:: import 'config.json',

  local with_settings(value) =
    if std.isString(value) then value % $._config
    else if std.isArray(value) then [with_settings(one) for one in value]
    else if std.isObject(value) then { [key]: with_settings(value[key]) for key in std.objectFields(value) }
    else value,

  local groups = with_settings(import 'rules.json').groups,
  local of_kind(kind) = [group for group in groups if std.objectHas(group.rules[0], kind)],

  prometheusRules+:: { groups+: of_kind('record') },
  prometheusAlerts+:: { groups+: of_kind('alert') },
  grafanaDashboards+:: {
    'brimwatch-fleet.json': import '../dashboards/fleet.json',
    'brimwatch-target.json': import '../dashboards/target.json',
  },
}
