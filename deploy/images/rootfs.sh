#!/usr/bin/env bash
# Makes the base of the images of Debian's packages: a tar of a root file system with glibc, bash, busybox, CA certificates, time zones
# and Kerberos' library. For machines that reach Debian's packages but no registry of images.
# Usage: rootfs.sh OUT.tar    DEBIAN_MIRROR: a mirror, or a sources.list; without it Debian's own
set -euo pipefail
[ $# = 1 ] || { sed -n '4s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2; }
out=$1
suite=bookworm
packages=base-files,bash,busybox-static,ca-certificates,libc6,libgcc-s1,libgssapi-krb5-2,netbase,tzdata

command -v mmdebstrap >/dev/null || { echo "mmdebstrap is missing (Debian: apt-get install mmdebstrap); or give an image as BASE" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"

# Extracted, not installed: no maintainer script runs, so it needs no right but to unpack. What those scripts would make is made below.
mmdebstrap --quiet --variant=extract --include="$packages" "$suite" "$work/packages.tar" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"}
tar -C "$root" --no-same-owner --exclude='./dev/*' -xf "$work/packages.tar"

# Nobody reads it in a container. Licences stay.
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -type d -empty -delete
rm -rf "$root"/usr/share/{man,info,locale,lintian,bash-completion,bug,common-licenses,initramfs-tools} \
  "$root"/{boot,home,linuxrc,srv,mnt,media} "$root"/var/{lock,local,mail} "$root"/usr/lib/*/gconv "$root"/usr/share/zoneinfo/right "$root"/usr/share/zoneinfo/posix "$root"/var/cache/apt "$root"/var/lib/apt

for applet in $("$root/bin/busybox" --list-full); do
  [ -e "$root/$applet" ] || [ -L "$root/$applet" ] || { mkdir -p "$root/$(dirname "$applet")" && ln -s /bin/busybox "$root/$applet"; }
done

mkdir -p "$root/etc/ssl/certs"
cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
printf '%s\n' root:x:0:0:root:/root:/bin/bash nobody:x:65534:65534:nobody:/nonexistent:/bin/false >"$root/etc/passwd"
printf '%s\n' root:x:0: tty:x:5: nogroup:x:65534: >"$root/etc/group"
# glibc asks DNS before /etc/hosts when nothing says otherwise.
printf '%s\n' 'passwd: files' 'group: files' 'hosts: files dns' 'services: files' 'protocols: files' >"$root/etc/nsswitch.conf"
# Nothing of the machine that builds: its name, its name servers, its mirrors. Engines put their own over these files; where there are
# none some leave empty ones of other modes behind, when they build upon this.
rm -rf "$root"/etc/{hostname,resolv.conf,apt}
install -m 0644 /dev/null "$root/etc/hostname"
install -m 0644 /dev/null "$root/etc/resolv.conf"
printf '%s\n' '127.0.0.1 localhost' '::1 localhost ip6-localhost ip6-loopback' >"$root/etc/hosts"
mkdir -p "$root"/{tmp,var/tmp,proc,sys,dev,run,root,opt}
chmod 1777 "$root/tmp" "$root/var/tmp"
chmod 0700 "$root/root"

# The same packages give the same file.
tar -C "$root" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$out.new" .
mv "$out.new" "$out"
