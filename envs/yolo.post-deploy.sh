# Written by `python -m nonverbal.environments` from bundled*.txt: wheels used without their dependencies.
set -e
python -m pip install --quiet --no-deps mediapipe==0.10.21 ultralytics==8.4.190 torchvision==0.28.0
