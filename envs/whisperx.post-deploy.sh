# Written by `python -m nonverbal.environments` from bundled*.txt: wheels used without their dependencies.
set -e
python -m pip install --quiet --no-deps whisperx==3.8.6
# The index's torchaudio for Linux holds a native part linked to CUDA. Where that cannot be loaded, it is
# taken out: all that is used here is written in Python.
python -c 'import torchaudio' 2>/dev/null ||
  rm "$(python -c 'import sysconfig; print(sysconfig.get_path("platlib"))')"/torchaudio/lib/*.so
python -c 'import torchaudio'
