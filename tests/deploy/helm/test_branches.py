"""What does each value change? One row for each branch of the templates: the values, the object, the field."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.deploy.helm.chart import BETA, CHART, STABLE, Manifest, daemon_in, pod_of, render, template

ABSENT = object()
RULES = """groups:
  - name: brimwatch
    rules:
      - alert: Down
        expr: up == 0
        annotations: {summary: '{{ $labels.target }}'}
"""
DAEMONSET = "daemonset.enabled=true"
INIT, MAIN = "Deployment.spec.template.spec.initContainers", "Deployment.spec.template.spec.containers"
POD, NODE = "Deployment.spec.template.spec", "DaemonSet.spec.template.spec"
DAEMON, NODES = "Deployment.brimwatch", "DaemonSet.brimwatch"


def look_up(objects: list[Manifest], path: str) -> Any:
    """A field of the object of that kind, through lists by index, or by name in brackets; ABSENT where it is not."""
    kind, *steps = path.split(".")
    place: Any = next((one for one in objects if one["kind"] == kind), ABSENT)
    for step in steps:
        if place is ABSENT:
            return ABSENT
        if step == "brimwatch":
            pod = pod_of(place)
            assert pod is not None
            place = daemon_in(pod)
        elif step.startswith("["):
            place = next((one for one in place if one["name"] == step[1:-1]), ABSENT)
        elif isinstance(place, list):
            place = place[int(step)] if int(step) < len(place) else ABSENT
        else:
            place = place.get(step.replace("|", "."), ABSENT)
    return place


# fmt: off
ROWS: list[tuple[str, str, str, Any]] = [
    # the values, what they are about, the field, what it is (ABSENT: not there; a set: what is in it)
    ("", "a native sidecar is an init container", f"{INIT}.0.name", "brimwatch"),
    ("", "a native sidecar is restarted", f"{INIT}.0.restartPolicy", "Always"),
    ("", "a native sidecar is no container", f"{MAIN}.[brimwatch]", ABSENT),
    ("sidecar.native=false", "a classic sidecar is the last container", f"{MAIN}.1.name", "brimwatch"),
    ("sidecar.native=false", "a classic sidecar has no policy of its own", f"{MAIN}.1.restartPolicy", ABSENT),
    ("sidecar.native=false", "without hooks nothing is an init container", INIT, ABSENT),
    ("", "a sidecar fails open: no readiness", f"{DAEMON}.readinessProbe", ABSENT),
    ("sidecar.native=false", "a classic sidecar fails open as well", f"{DAEMON}.readinessProbe", ABSENT),
    ("", "a sidecar fails open: no startup", f"{DAEMON}.startupProbe", ABSENT),
    ("", "a sidecar is restarted when its loop hangs", f"{DAEMON}.livenessProbe.httpGet.path", "/-/healthy"),
    ("web.scheme=HTTPS", "probes speak TLS", f"{DAEMON}.livenessProbe.httpGet.scheme", "HTTPS"),
    ("", "a sidecar sees the others", f"{POD}.shareProcessNamespace", True),
    ("", "a sidecar has the pod's user", f"{DAEMON}.securityContext.runAsUser", ABSENT),
    ("sidecar.runAsUser=0", "root is a user", f"{DAEMON}.securityContext.runAsUser", 0),
    ("sidecar.runAsUser=1000680000", "a large user is no fraction", f"{DAEMON}.securityContext.runAsUser", 1000680000),
    ("sidecar.runAsGroup=7", "a group can be written", f"{DAEMON}.securityContext.runAsGroup", 7),
    ("", "no token is mounted", f"{POD}.automountServiceAccountToken", False),
    ("workload.pod.automountServiceAccountToken=true", "an application may have one",
        f"{POD}.automountServiceAccountToken", True),
    ("", "no token is in the account either", "ServiceAccount.automountServiceAccountToken", False),
    ("serviceAccount.create=false", "no account is made", "ServiceAccount", ABSENT),
    ("serviceAccount.create=false", "the usual account is taken", f"{POD}.serviceAccountName", "default"),
    ("serviceAccount.name=mine", "an account has a name", f"{POD}.serviceAccountName", "mine"),
    ("workload.pod.serviceAccountName=shop", "an application may have its own", f"{POD}.serviceAccountName", "shop"),
    ("workload.enabled=false", "nothing runs", "Deployment", ABSENT),
    ("workload.enabled=false", "an account that nobody has is not made", "ServiceAccount", ABSENT),
    ("workload.enabled=false", "the configuration is there for other charts",
        "ConfigMap.metadata.name", "shop-brimwatch-sidecar"),
    ("sidecar.existingConfigMap=mine", "no configuration is made", "ConfigMap", ABSENT),
    ("sidecar.existingConfigMap=mine", "one's own is mounted",
        f"{POD}.volumes.[brimwatch-config].configMap.name", "mine"),
    ("", "a folder is mounted, as a file would never change",
        f"{DAEMON}.volumeMounts.[brimwatch-config].subPath", ABSENT),
    ("", "a changed configuration restarts nothing",
        "Deployment.spec.template.metadata.annotations.checksum/config", ABSENT),
    ("", "a sidecar acts", f"{DAEMON}.args", {"run"}),
    ("sidecar.dryRun=true", "a sidecar can be kept from acting", f"{DAEMON}.args", {"--dry-run"}),
    ("web.tokenSecret.name=t", "the token is read", f"{DAEMON}.args", {"--web.token-file=/etc/brimwatch-token/token"}),
    ("web.tokenSecret.name=t", "the token is mounted", f"{POD}.volumes.[brimwatch-token].secret.secretName", "t"),
    ("", "no token without one", f"{POD}.volumes.[brimwatch-token]", ABSENT),
    ("web.configSecret.name=w", "TLS and users are read",
        f"{DAEMON}.args", {"--web.config.file=/etc/brimwatch-web/web.yml"}),
    ("web.configSecret.name=w", "TLS and users are mounted", f"{POD}.volumes.[brimwatch-web].secret.secretName", "w"),
    ('extraArgs=["--interval=5s"]', "flags are added", f"{DAEMON}.args", {"--interval=5s"}),
    ('extraEnv=[{"name":"TZ","value":"UTC"}]', "variables are added", f"{DAEMON}.env.[TZ].value", "UTC"),
    ("web.port=9999", "the port is where it listens", f"{DAEMON}.args", {"--web.listen-address=:9999"}),
    ("web.port=9999", "the port is told", f"{DAEMON}.ports.0.containerPort", 9999),
    ("image.tag=v2", "an image has a tag", f"{DAEMON}.image", "brimwatch:v2"),
    ("image.digest=sha256:" + "a" * 64, "a digest is preferred", f"{DAEMON}.image", "brimwatch@sha256:" + "a" * 64),
    ('imagePullSecrets=[{"name":"r"}]', "secrets for the image", f"{POD}.imagePullSecrets.0.name", "r"),
    ("fullnameOverride=x", "a full name", "Deployment.metadata.name", "x"),
    ("nameOverride=y", "a name", "Deployment.metadata.name", "shop-y"),
    ("nameOverride=hop", "a name that the release has in it", "Deployment.metadata.name", "shop"),
    ("commonLabels.team=a", "labels for all", "Service.metadata.labels.team", "a"),
    ("hooks.enabled=true", "the hooks are written first", f"{INIT}.0.name", "brimwatch-hooks"),
    ("hooks.enabled=true", "the hooks are found", f"{MAIN}.0.env.[PYTHONPATH].value", "/brimwatch-hooks"),
    ("hooks.enabled=true", "the hooks are mounted", f"{MAIN}.0.volumeMounts.[brimwatch-hooks].readOnly", True),
    ("", "no hooks without being asked", f"{MAIN}.0.env", ABSENT),
    ('hooks.enabled=true hooks.containers=["b"] workload.pod.containers=[{"name":"a"},{"name":"b"}]',
        "the hooks are for those named", f"{MAIN}.1.env.[PYTHONPATH].value", "/brimwatch-hooks"),
    ('hooks.enabled=true hooks.containers=["b"] workload.pod.containers=[{"name":"a"},{"name":"b"}]',
        "and for no other", f"{MAIN}.0.env", ABSENT),
    ('hooks.enabled=true workload.pod.containers=[{"name":"a","env":[{"name":"PYTHONPATH","value":"/x"}]}]',
        "a search path goes on", f"{MAIN}.0.env.[PYTHONPATH].value", "/brimwatch-hooks:/x"),
    ('workload.pod.containers=[{"name":"a","image":"i"}]', "an application has its image", f"{MAIN}.0.image", "i"),
    ('workload.pod.initContainers=[{"name":"m"}]', "its own init containers come after", f"{INIT}.1.name", "m"),
    ('workload.pod.volumes=[{"name":"v"}]', "its own volumes stay", f"{POD}.volumes.[v].name", "v"),
    (DAEMONSET, "a DaemonSet acts on nothing", f"{NODES}.args", {"--dry-run"}),
    (f"{DAEMONSET} daemonset.dryRun=false", "unless it shall", f"{NODES}.args.6", ABSENT),
    (DAEMONSET, "it sees the node", f"{NODE}.hostPID", True),
    (DAEMONSET, "it is not root", f"{NODES}.securityContext.runAsUser", 65532),
    (DAEMONSET, "it has no capability", f"{NODES}.securityContext.capabilities", {"drop": ["ALL"]}),
    (DAEMONSET, "it writes no cgroup", f"{NODES}.volumeMounts.[cgroup].readOnly", True),
    (DAEMONSET, "it is ready when it has looked", f"{NODES}.readinessProbe.httpGet.path", "/-/ready"),
    (f"{DAEMONSET} daemonset.privilege=inspect", "to look inside it is root", f"{NODES}.securityContext.runAsUser", 0),
    (f"{DAEMONSET} daemonset.privilege=inspect", "with two capabilities", f"{NODES}.securityContext.capabilities.add",
        ["SYS_PTRACE", "DAC_READ_SEARCH"]),
    (f"{DAEMONSET} daemonset.privilege=inspect",
        "AppArmor lets it", f"{NODES}.securityContext.appArmorProfile.type", "Unconfined"),
    (f"{DAEMONSET} daemonset.privilege=inspect @1.29", "AppArmor was an annotation",
        "DaemonSet.spec.template.metadata.annotations.container|apparmor|security|beta|kubernetes|io/brimwatch",
        "unconfined"),
    (f"{DAEMONSET} daemonset.privilege=inspect @1.29", "and no field",
        f"{NODES}.securityContext.appArmorProfile", ABSENT),
    (f"{DAEMONSET} @1.29", "without capabilities AppArmor stays",
        "DaemonSet.spec.template.metadata.annotations", ABSENT),
    (f"{DAEMONSET} daemonset.privilege=act", "to act it has five", f"{NODES}.securityContext.capabilities.add",
        ["SYS_PTRACE", "DAC_READ_SEARCH", "DAC_OVERRIDE", "KILL", "SYS_RESOURCE"]),
    (f"{DAEMONSET} daemonset.privilege=act", "it writes cgroups", f"{NODES}.volumeMounts.[cgroup].readOnly", False),
    (f"{DAEMONSET} daemonset.privilege=act", "undo records outlive the pod",
        f"{NODE}.volumes.[run].hostPath.path", "/run/brimwatch"),
    (f"{DAEMONSET} daemonset.privilege=act daemonset.storage.hostPath=/x", "so can the journal",
        f"{NODE}.volumes.[brimwatch-storage].hostPath.path", "/x"),
    (DAEMONSET, "else it goes with the pod", f"{NODE}.volumes.[brimwatch-storage].emptyDir.sizeLimit", "256Mi"),
    (f"{DAEMONSET} daemonset.seLinuxOptions.type=spc_t", "SELinux",
        f"{NODES}.securityContext.seLinuxOptions.type", "spc_t"),
    (f"{DAEMONSET} workload.enabled=false daemonset.existingConfigMap=m", "no sidecar, no configuration of one",
     "ConfigMap", ABSENT),
    (f"{DAEMONSET} workload.enabled=false daemonset.existingConfigMap=m injection.enabled=true", "one for the injected",
     "ConfigMap.metadata.name", "shop-brimwatch-sidecar"),
    (f"{DAEMONSET} daemonset.existingConfigMap=m", "one's own",
        f"{NODE}.volumes.[brimwatch-config].configMap.name", "m"),
    (f"{DAEMONSET} daemonset.priorityClassName=high", "a priority", f"{NODE}.priorityClassName", "high"),
    (f'{DAEMONSET} imagePullSecrets=[{{"name":"r"}}]', "secrets for the image", f"{NODE}.imagePullSecrets.0.name", "r"),
    (DAEMONSET, "no role without a feature that needs it", "ClusterRole", ABSENT),
    (DAEMONSET, "no token either", f"{NODE}.volumes.[token]", ABSENT),
    (DAEMONSET, "nor is one mounted by itself", f"{NODE}.automountServiceAccountToken", False),
    ("daemonset.podWatch.enabled=true", "no role without a DaemonSet", "ClusterRole", ABSENT),
    (f"{DAEMONSET} daemonset.podWatch.enabled=true", "pods are read, and nothing else", "ClusterRole.rules",
        [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]),
    (f"{DAEMONSET} daemonset.podWatch.enabled=true", "by this account", "ClusterRoleBinding.subjects",
        [{"kind": "ServiceAccount", "name": "shop-brimwatch", "namespace": "front"}]),
    (f"{DAEMONSET} daemonset.podWatch.enabled=true", "whose token it has", f"{NODES}.volumeMounts.[token].mountPath",
        "/var/run/secrets/kubernetes.io/serviceaccount"),
    (f"{DAEMONSET} daemonset.podWatch.enabled=true", "for its own node",
        f"{NODES}.env.[NODE_NAME].valueFrom.fieldRef.fieldPath",
        "spec.nodeName"),
    ("", "a name for each pod", "Service.spec.clusterIP", "None"),
    ("service.enabled=false", "no Service", "Service", ABSENT),
    ("", "no PodMonitor", "PodMonitor", ABSENT),
    ("podMonitor.enabled=true", "the release's pods",
        "PodMonitor.spec.selector.matchLabels", {"brimwatch/scraped-by": "shop"}),
    ("podMonitor.enabled=true", "their port", "PodMonitor.spec.podMetricsEndpoints.0.port", "brimwatch"),
    ("podMonitor.enabled=true web.scheme=HTTPS", "by TLS", "PodMonitor.spec.podMetricsEndpoints.0.scheme", "https"),
    ("podMonitor.enabled=true podMonitor.labels.release=p", "an operator's selector",
        "PodMonitor.metadata.labels.release", "p"),
    ("podMonitor.enabled=true podMonitor.annotations.a=b", "annotations", "PodMonitor.metadata.annotations.a", "b"),
    ("podMonitor.enabled=true podMonitor.namespaceSelector.any=true", "everywhere",
        "PodMonitor.spec.namespaceSelector", {"any": True}),
    ("serviceMonitor.enabled=true", "the Service's port", "ServiceMonitor.spec.endpoints.0.port", "brimwatch"),
    ("serviceMonitor.enabled=true", "the Service",
        "ServiceMonitor.spec.selector.matchLabels", {"brimwatch/scraped-by": "shop"}),
    ("serviceMonitor.enabled=true serviceMonitor.tlsConfig.insecureSkipVerify=true", "TLS as it is wanted",
        "ServiceMonitor.spec.endpoints.0.tlsConfig", {"insecureSkipVerify": True}),
    ("", "no NetworkPolicy", "NetworkPolicy", ABSENT),
    ("networkPolicy.enabled=true", "this namespace", "NetworkPolicy.spec.ingress.0.from.0", {"podSelector": {}}),
    ("networkPolicy.enabled=true", "to our port",
        "NetworkPolicy.spec.ingress.0.ports", [{"port": 9847, "protocol": "TCP"}]),
    ("networkPolicy.enabled=true", "the application's stay open", "NetworkPolicy.spec.ingress.1",
        {"ports": [{"port": 8080, "protocol": "TCP"}]}),
    ('networkPolicy.enabled=true networkPolicy.from=[{"ipBlock":{"cidr":"10.0.0.0/8"}}]', "or those named",
        "NetworkPolicy.spec.ingress.0.from.0", {"ipBlock": {"cidr": "10.0.0.0/8"}}),
    ("networkPolicy.enabled=true tests.enabled=false", "without the test",
        "NetworkPolicy.spec.ingress.0.from.1", ABSENT),
    ("networkPolicy.enabled=true", "going out is not spoken of", "NetworkPolicy.spec.policyTypes", ["Ingress"]),
    ('networkPolicy.enabled=true networkPolicy.egress=[{"to":[{"podSelector":{}}]}]', "unless it is",
        "NetworkPolicy.spec.policyTypes", ["Ingress", "Egress"]),
    (f"{DAEMONSET} workload.enabled=false networkPolicy.enabled=true", "a DaemonSet has no other ports",
        "NetworkPolicy.spec.ingress.1", ABSENT),
    ("", "`helm test` runs it", "Pod.metadata.annotations.helm|sh/hook", "test"),
    ("", "the configuration is checked", "Pod.spec.containers.0.command",
        ["brimwatch", "check-config", "/etc/brimwatch/brimwatch.yaml"]),
    ("service.enabled=false", "without a Service nothing is fetched", "Pod.spec.containers.1", ABSENT),
    (f"{DAEMONSET} workload.enabled=false", "the DaemonSet's is checked",
        "Pod.spec.volumes.0.configMap.name", "shop-brimwatch-daemonset"),
    ("tests.enabled=false", "no test", "Pod", ABSENT),
    ("", "no injection", "MutatingAdmissionPolicy", ABSENT),
    ("injection.enabled=true @1.33", "no injection without the API", "MutatingAdmissionPolicy", ABSENT),
    ("injection.enabled=true @1.34", "beta", "MutatingAdmissionPolicy.apiVersion", BETA.rpartition("/")[0]),
    ("injection.enabled=true @1.36", "stable", "MutatingAdmissionPolicy.apiVersion", STABLE.rpartition("/")[0]),
    ("injection.enabled=true", "it fails open", "MutatingAdmissionPolicy.spec.failurePolicy", "Ignore"),
    ("injection.enabled=true", "by a label", "MutatingAdmissionPolicy.spec.matchConstraints.objectSelector.matchLabels",
        {"brimwatch/inject": "true"}),
    ("injection.enabled=true", "bound", "MutatingAdmissionPolicyBinding.spec.policyName", "shop-brimwatch-front"),
    ("injection.enabled=true", "everywhere", "MutatingAdmissionPolicyBinding.spec.matchResources", ABSENT),
    ("injection.enabled=true injection.namespaceSelector.matchLabels.a=b", "or where it is wanted",
        "MutatingAdmissionPolicyBinding.spec.matchResources.namespaceSelector.matchLabels", {"a": "b"}),
    ("prometheusRule.enabled=false dashboards.enabled=false", "no rules", "PrometheusRule", ABSENT),
]
# fmt: on


@pytest.mark.parametrize(
    ("values", "path", "wanted"), [(row[0], *row[2:]) for row in ROWS], ids=[row[1] for row in ROWS]
)
def test_a_value(values: str, path: str, wanted: Any) -> None:
    words = values.split()
    kubernetes = next((word[1:] for word in words if word.startswith("@")), "1.36")
    objects = render(*(word for word in words if not word.startswith("@")), kubernetes=kubernetes)
    found = look_up(objects, path)

    if isinstance(wanted, set):
        assert wanted <= set(found)
    else:
        assert found == wanted


def test_a_file_of_rules_or_a_dashboard_is_taken_as_it_stands(tmp_path: Path) -> None:
    """Braces in them are Prometheus's and Grafana's."""
    copy = tmp_path / "brimwatch"
    shutil.copytree(CHART, copy)
    for folder in ("rules", "dashboards"):
        shutil.rmtree(copy / "files" / folder, ignore_errors=True)
        (copy / "files" / folder).mkdir(parents=True)
    (copy / "files" / "rules" / "brimwatch.yaml").write_text(RULES)
    (copy / "files" / "dashboards" / "fleet.json").write_text('{\n  "title": "{{target}} \\"x\\""\n}\n')

    objects = render("prometheusRule.enabled=true", "dashboards.enabled=true", "dashboards.annotations.f=M", chart=copy)
    rule = next(one for one in objects if one["kind"] == "PrometheusRule")
    shown = next(one for one in objects if one["metadata"]["name"].endswith("dashboard-fleet"))
    assert rule["spec"]["groups"][0]["rules"][0]["annotations"] == {"summary": "{{ $labels.target }}"}
    assert shown["data"] == {"fleet.json": '{\n  "title": "{{target}} \\"x\\""\n}'}
    assert shown["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert shown["metadata"]["annotations"] == {"f": "M"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            ('hooks.containers=["webb"]', "hooks.enabled=true"),
            "hooks.containers: found webb, wanted one of app",
            id="no such container",
        ),
        pytest.param(
            ("workload.pod.securityContext.runAsUser=0",),
            "the pod runs as root, and a sidecar with runAsNonRoot would never start",
            id="a pod of root",
        ),
    ],
)
def test_what_could_not_run_is_refused(settings: tuple[str, ...], said: str) -> None:
    result = template(*settings)
    assert result.returncode == 1
    assert said in result.stderr


def test_beside_root_the_sidecar_may_be_root_where_that_is_written() -> None:
    objects = render("workload.pod.securityContext.runAsUser=0", "sidecar.runAsUser=0")
    deployment = next(one for one in objects if one["kind"] == "Deployment")
    context = deployment["spec"]["template"]["spec"]["initContainers"][0]["securityContext"]
    assert (context["runAsNonRoot"], context["runAsUser"]) == (False, 0)
