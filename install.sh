#!/bin/sh
# Installs actions2aws from its releases: picks the platform's archive, checks its checksum and its
# attestation, and puts the executable in place only when all of that holds.
#
#   sh install.sh [VERSION] [FOLDER]
#
# VERSION is a release's tag, such as v1.2.3; default: the newest. FOLDER is ~/.local/bin by default.
# Needs curl, tar with xz (unzip on Windows), and gh, which checks the attestation.
#
#   ACTIONS2AWS_REPOSITORY        where the releases are, OWNER/NAME
#   ACTIONS2AWS_SERVER_URL        on another server than https://github.com
#   ACTIONS2AWS_SKIP_ATTESTATION  1: go by the checksum alone; never in a workflow
#   ACTIONS2AWS_DOWNGRADE         1: put an older version in the place of a newer one
#   GH_TOKEN                      what gh signs in with, unless it is signed in
set -eu

repository=${ACTIONS2AWS_REPOSITORY:-OWNER/actions2aws}
server=${ACTIONS2AWS_SERVER_URL:-https://github.com}
# The one workflow whose signature counts.
signer=$repository/.github/workflows/release.yml

main() {
  version=${1:-}
  folder=${2:-${HOME:?}/.local/bin}
  check_settings
  platform=$(platform)
  archive=$(archive_for "$platform")
  program=$(program_for "$platform")
  work=$(mktemp -d) || fail "no temporary folder can be made" "look at TMPDIR, and at the room on its disk"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM

  if [ -z "$version" ]; then version=$(newest); fi
  check_version
  download SHA256SUMS
  download "$archive"
  check_checksum
  check_attestation
  unpack
  check_start
  check_newer
  install_program
  echo "actions2aws: installed $version as $folder/$program"
}

check_settings() {
  case $repository in
    OWNER/*) fail "this copy of install.sh does not know its repository" "set ACTIONS2AWS_REPOSITORY=OWNER/actions2aws, with the owner that you trust" ;;
    */*/* | /* | */ | *[!A-Za-z0-9._/-]*) fail "ACTIONS2AWS_REPOSITORY is not OWNER/NAME" "correct it" ;;
    */*) ;;
    *) fail "ACTIONS2AWS_REPOSITORY is not OWNER/NAME" "correct it" ;;
  esac
  case $server in
    https://?*) ;;
    *) fail "ACTIONS2AWS_SERVER_URL does not begin with https://" "correct it" ;;
  esac
  need curl "install curl"
}

platform() {
  case "$(uname -s) $(uname -m)" in
    'Linux x86_64' | 'Linux amd64') echo linux-x64 ;;
    'Linux aarch64' | 'Linux arm64') echo linux-arm64 ;;
    'Darwin arm64') echo macos-arm64 ;;
    MINGW*' x86_64' | MSYS*' x86_64' | CYGWIN*' x86_64') echo windows-x64 ;;
    *) fail "there is no release for $(uname -s) $(uname -m)" "build it from source: npm ci && npm run build" ;;
  esac
}

archive_for() {
  case $1 in
    windows-*) echo "actions2aws-$1.zip" ;;
    *) echo "actions2aws-$1.tar.xz" ;;
  esac
}

program_for() {
  case $1 in
    windows-*) echo actions2aws.exe ;;
    *) echo actions2aws ;;
  esac
}

# The tag that the address of the newest release leads to.
newest() {
  location=$(ask --output /dev/null --write-out '%{redirect_url}' "$server/$repository/releases/latest") ||
    fail "$server/$repository/releases/latest does not answer" "try again, or name a version"
  case $location in
    "$server/$repository/releases/tag/"*) echo "${location##*/}" ;;
    *) fail "$repository has no newest release" "name a version, or check ACTIONS2AWS_REPOSITORY" ;;
  esac
}

check_version() {
  case $version in
    v[0-9]*.[0-9]*.[0-9]*) ;;
    *) fail "$version is not a version" "write it like v1.2.3" ;;
  esac
  case $version in
    *[!A-Za-z0-9.+-]*) fail "$version is not a version" "write it like v1.2.3" ;;
  esac
}

download() {
  ask --location --output "$work/$1" "$server/$repository/releases/download/$version/$1" ||
    fail "$1 of $version can't be fetched from $server/$repository" "check the version and the network, and try again"
}

# https alone, and redirects to https alone, whatever the user's own settings of curl say.
ask() {
  curl --disable --proto '=https' --proto-redir '=https' --tlsv1.2 --fail --silent --show-error \
    --retry 3 --connect-timeout 20 --max-time 600 --max-redirs 5 "$@"
}

check_checksum() {
  awk -v name="$archive" '$2 == name || $2 == "*" name { print $1 }' "$work/SHA256SUMS" >"$work/expected"
  expected=$(cat "$work/expected")
  case $expected in
    *[!0-9a-f]*) fail "SHA256SUMS of $version names $archive more than once, or not by a checksum" "report it: this release is not as it should be" ;;
    '') fail "SHA256SUMS of $version does not name $archive" "take another version; this one has no executable for this platform" ;;
  esac
  found=$(sha256 "$work/$archive")
  [ "$found" = "$expected" ] ||
    fail "$archive is not what SHA256SUMS of $version says: $found, not $expected" "try again; if it stays, do not use this release, and report it"
}

sha256() {
  if command -v sha256sum >/dev/null; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    need shasum "install sha256sum (coreutils) or shasum"
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

# A checksum beside the file says that it came over whole; only this says who made it, and of which tag.
check_attestation() {
  if [ "${ACTIONS2AWS_SKIP_ATTESTATION:-}" = 1 ] && [ "${GITHUB_ACTIONS:-}" != true ]; then
    echo "actions2aws: the attestation was NOT checked, as ACTIONS2AWS_SKIP_ATTESTATION says" >&2
    return
  fi
  # --source-ref came last, with gh 2.68.
  gh attestation verify --help 2>/dev/null | grep -q -e --source-ref ||
    fail "the attestation can't be checked without gh 2.68 or newer" "install or update the GitHub CLI (gh)"
  gh attestation verify "$work/$archive" --repo "$repository" --signer-workflow "$signer" \
    --source-ref "refs/tags/$version" --deny-self-hosted-runners --hostname "${server#https://}" >"$work/gh.log" 2>&1 || {
    cat "$work/gh.log" >&2
    fail "$archive of $version has no attestation of $signer" "see what gh says above; if it could ask GitHub (GH_TOKEN, gh auth login), do not use this release, and report it"
  }
}

# To the standard output, so that nothing in the archive says where anything is written.
unpack() {
  case $archive in
    *.zip)
      need unzip "install unzip"
      unzip -p "$work/$archive" "$program" >"$work/$program"
      ;;
    *)
      need tar "install tar and xz"
      tar -xJOf "$work/$archive" "$program" >"$work/$program"
      ;;
  esac || fail "$archive can't be unpacked" "is xz installed, and is there room in ${TMPDIR:-/tmp}?"
  [ -s "$work/$program" ] || fail "$archive holds no file $program" "report it: this release is not as it should be"
}

check_start() {
  chmod 755 "$work/$program"
  started=$("$work/$program" --version) ||
    fail "actions2aws of $version does not start on this machine" "it needs glibc 2.28 or newer on Linux, macOS 13.5, or Windows 10; or ${TMPDIR:-/tmp} forbids programs: set TMPDIR"
  [ "v${started%%+*}" = "${version%%+*}" ] ||
    fail "the executable of $version says that it is $started" "report it: this release is not as it should be"
}

check_newer() {
  if [ "${ACTIONS2AWS_DOWNGRADE:-}" = 1 ] || [ ! -x "$folder/$program" ]; then return; fi
  there=$("$folder/$program" --version 2>/dev/null) || return 0
  is_newer "${there%%+*}" "${version#v}" || return 0
  fail "$folder/$program is newer: $there" "to go back to $version, set ACTIONS2AWS_DOWNGRADE=1"
}

# By the three numbers; what follows them, as in 1.2.3-rc.1, is before the version without.
is_newer() {
  printf '%s\n%s\n' "$1" "$2" | awk -F '[.-]' '
    { for (i = 1; i <= 3; i++) part[NR, i] = $i + 0; part[NR, 4] = $0 !~ /-/ }
    END { for (i = 1; i <= 4; i++) if (part[1, i] != part[2, i]) exit !(part[1, i] > part[2, i]); exit 1 }'
}

# Beside its place first, then by a rename: whoever runs the old one is not disturbed.
install_program() {
  mkdir -p "$folder" || fail "$folder can't be made" "name another folder"
  if [ -d "$folder/$program" ]; then fail "$folder/$program is a folder" "name another folder"; fi
  new=$folder/.$program.$$
  trap 'rm -rf "$work"; rm -f "$new"' EXIT
  { cp "$work/$program" "$new" && chmod 755 "$new" && mv -f "$new" "$folder/$program"; } ||
    fail "$folder can't be written to" "name another folder, or free room"
}

need() {
  command -v "$1" >/dev/null || fail "$1 is missing" "$2"
}

fail() {
  echo "actions2aws: $1; $2. Nothing was installed." >&2
  exit 1
}

main "$@"
