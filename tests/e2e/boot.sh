#!/bin/sh
# Boots a systemd of its own for test_systemd.py, as PID 1 of fresh namespaces, with nothing of the machine's to touch:
# every folder that systemd writes to is a tmpfs in here. To be run by unshare with a private mount namespace only.
#
#   boot.sh STAGE PYTHON PACKAGES SOURCE
#
# STAGE holds units/ (all the units there are) and etc/ (laid over /etc); PYTHON is the interpreter's prefix, PACKAGES
# its site-packages, SOURCE the folder that holds alertbot/.
set -eu

# First, since mount itself writes there, and what is bound below must not be hidden by another tmpfs.
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/stage /run/python /run/packages /run/source
mount --bind "$1" /run/stage
mount --bind "$2" /run/python
mount --bind "$3" /run/packages
mount --bind "$4" /run/source
cp -a /etc /run/etc
rm -rf /run/etc/alertbot # a machine that runs alertbot has one of its own, which others may not read
cp -r /run/stage/etc/. /run/etc
mount --bind /run/etc /etc
cp -r /run/stage/units /run/units

# systemd empties /tmp and fills /var: neither may be the machine's.
for folder in /tmp /var /opt; do mount -t tmpfs tmpfs "$folder"; done
chmod 755 /opt /var
mkdir /var/lib
mkdir -m 1777 /var/tmp

# The command where the unit looks for it.
mkdir -p /opt/alertbot/.venv/bin
cat >/opt/alertbot/.venv/bin/alertbot <<'END'
#!/bin/sh
export LD_LIBRARY_PATH=/run/python/lib PYTHONPATH=/run/packages:/run/source PYTHONDONTWRITEBYTECODE=1
exec /run/python/bin/python3 -c 'from alertbot.cli.main import main; main()' "$@"
END
chmod 755 /opt/alertbot/.venv/bin/alertbot

mount -t cgroup2 cgroup2 /sys/fs/cgroup
# As systemd itself does outside of containers: the mounts it makes for a service must reach the service.
mount --make-rshared /

# It finds the units given here and no other, runs no generator, and takes the namespaces for a container.
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=alertbot SYSTEMD_UNIT_PATH=/run/units \
    SYSTEMD_GENERATOR_PATH=/run/none SYSTEMD_ENVIRONMENT_GENERATOR_PATH=/run/none \
    /lib/systemd/systemd --system --unit=stage.target --log-target=null --show-status=no
