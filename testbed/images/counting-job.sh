#!/usr/bin/env bash
# Prints the path of the counting job's jar, built by Maven when its sources have changed.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
project=$repository/examples/counting-job

build() {
  local sources=$1.sources
  say "building the counting job"
  rm -rf "$sources"
  mkdir "$sources"
  # A copy, since the checkout may be read-only or be edited meanwhile.
  cp -r "$project/pom.xml" "$project/src" "$sources/"
  mvn -q -B -Dstyle.color=never -f "$sources/pom.xml" package </dev/null
  mv "$sources/target/counting-job.jar" "$1"
  rm -rf "$sources"
}

need mvn maven openjdk-17-jdk-headless
cached "counting-job-$(hash_of "$project").jar" build
