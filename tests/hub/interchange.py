"""What Python's huggingface_hub makes of a cache: `interchange.py read|write ID` with HF_ENDPOINT and HF_HUB_CACHE set."""

import json
import sys
from pathlib import Path

from huggingface_hub import __version__, scan_cache_dir, snapshot_download

action, repo = sys.argv[1:]
kept = ["*.json", "*.txt", "*.safetensors"]
if action == "write":
    folder = snapshot_download(repo, allow_patterns=kept)
else:
    folder = snapshot_download(repo, local_files_only=True)
found = scan_cache_dir()
files = {str(path.relative_to(folder)): path.stat().st_size for path in sorted(Path(folder).rglob("*")) if path.is_file()}
print(
    json.dumps(
        {
            "version": __version__,
            "folder": folder,
            "files": files,
            "warnings": [str(warning) for warning in found.warnings],
            "repos": {
                each.repo_id: {
                    "size": each.size_on_disk,
                    "refs": sorted(each.refs),
                    "revisions": sorted(revision.commit_hash for revision in each.revisions),
                }
                for each in found.repos
            },
        }
    )
)
