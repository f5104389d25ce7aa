"""What released programs have deployed, and putting it back on a played cluster, so that upgrades are tried.

A fixture is text: the state of a stack, its secrets readable (they were made for it), its stack file and its lock.
The state has every object as the program sent it and as the API server answered, so the objects are made from it again,
by the requests with which the plugin made them: POST as its field manager, server-side apply for a part of someone
else's object. uids that the new cluster gives take the place of the old ones in the state. A copy of etcd's data would
need none of that, but it is binary, ten times as large, and bound to versions of etcd and Kubernetes.

To keep what another commit deploys, as root, with the played cluster's tools built:

    python -m tests.engine.upgrade.keep COMMIT

and commit the new folder; tests/engine/test_upgrade.py finds it. Keep one for every release that somebody may run.
Never make an old one again: with a state of today it would prove nothing.
"""
