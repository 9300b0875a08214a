"""disk_kit.py - a disk that can be searched byte by byte: a file system in an image, mounted by loop.

What the tests share that must find nothing left. Mounting takes root; where it is not possible the
files are searched instead, and that is said.
"""
import atexit
import glob
import os
import shutil
import subprocess

PIECE = 8 << 20


class Disk:
    """A folder, in an image of its own where that can be mounted. `origin`: an image that is taken
    over, instead of a new one of `size` bytes. `options`: of mount."""

    def __init__(self, folder, size=256 << 20, name="disk", origin=None, options="loop"):
        self.image = os.path.join(folder, name + ".image")
        self.folder = os.path.join(folder, name)
        self.options = options
        self.mounted = False
        self.real = False  # whether there is an image to search
        os.makedirs(self.folder, exist_ok=True)
        if origin is not None:
            copy(origin, self.image)
            self.mount()
            return
        with open(self.image, "wb") as f:
            f.truncate(size)
        if not (quiet("mkfs.ext4", "-q", "-F", self.image) and self.mount()):
            print("no file system can be mounted here: files are searched, not the disk", flush=True)

    def mount(self):
        atexit.register(quiet, "umount", self.folder)
        self.mounted = self.real = quiet("mount", "-o", self.options, self.image, self.folder)
        return self.mounted

    def away(self):
        """Unmounts it: all that was to be written is."""
        if self.mounted:
            subprocess.run(["umount", self.folder], check=True)
            self.mounted = False

    def pieces(self):
        if self.mounted:
            subprocess.run(["sync", "-f", self.folder], check=True)
        if self.real:
            yield self.image
            return
        for path in glob.glob(self.folder + "/**", recursive=True):
            if os.path.isfile(path):
                yield path

    def find(self, needles):
        """Names of the needles that are there."""
        found = set()
        longest = max(map(len, needles.values()))
        for path in self.pieces():
            before = b""
            with open(path, "rb") as f:
                while piece := f.read(PIECE):
                    data = before + piece
                    found |= {name for name, needle in needles.items() if needle in data}
                    before = data[-longest:]
        return sorted(found)


def quiet(*words):
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def copy(image, to):
    """Of what is on it, as if the power failed now: what waits in memory is not taken."""
    subprocess.run(["cp", "--sparse=always", image, to], check=True)


def remove(disk):
    disk.away()
    os.unlink(disk.image)
    shutil.rmtree(disk.folder)
