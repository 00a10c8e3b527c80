# Written by `python -m nonverbal.environments` from bundled*.txt: wheels used without their dependencies.
set -e
python -m pip install --quiet --no-deps whisperx==3.8.6 resemblyzer==0.1.4
