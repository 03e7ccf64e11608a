"""Small media files for tests, made with the bundled FFmpeg and Pillow; each is made once a session."""

import functools
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import imageio_ffmpeg
import psutil
from PIL import Image

_KEPT = tempfile.TemporaryDirectory(prefix="vc-media-")
_FOLDER = Path(_KEPT.name)


def ffmpeg(*arguments: str | Path, stdout: Path | None = None) -> None:
    """Run the bundled FFmpeg; its words are in the error if it fails. `stdout` takes what is written to `-`."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
    if stdout is not None:
        stdout.write_bytes(done.stdout)


def encoders() -> list[psutil.Process]:
    """Return the FFmpegs that this process has started; the services of other tests are its children, too."""
    return [child for child in psutil.Process().children() if "ffmpeg" in child.name()]


def new_file(suffix: str) -> Path:
    """Return a name of its own in the session's folder."""
    return Path(tempfile.mkdtemp(dir=_FOLDER)) / f"media{suffix}"


@functools.cache
def video(
    *, size: str = "160x90", duration_s: float = 4, fps: str = "25", sound: bool = True, picture: str = "testsrc2"
) -> Path:
    """Make an H.264 MP4 with its index first; `picture` is a source of FFmpeg's lavfi, `color=red` say."""
    file = new_file(".mp4")
    join = ":" if "=" in picture else "="
    source = ["-f", "lavfi", "-i", f"{picture}{join}size={size}:rate={fps}:duration={duration_s}"]
    tone = ["-f", "lavfi", "-i", f"sine=440:sample_rate=48000:duration={duration_s}", "-c:a", "aac"] if sound else []
    ffmpeg(*source, *tone, "-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt", "yuv420p",
           "-movflags", "+faststart", file)  # fmt: skip
    return file


@functools.cache
def tone(*, duration_s: float = 4, frequency_hz: int = 440, suffix: str = ".wav") -> Path:
    """Make a sine at 48 kHz, mono, coded as the suffix says."""
    file = new_file(suffix)
    ffmpeg("-f", "lavfi", "-i", f"sine={frequency_hz}:sample_rate=48000:duration={duration_s}", file)
    return file


@functools.cache
def picture(*, width: int = 64, height: int = 48, color: str = "red", suffix: str = ".png") -> Path:
    """Make a picture of one colour."""
    file = new_file(suffix)
    Image.new("RGB", (width, height), color).save(file)
    return file


@functools.cache
def converted(source: Path, suffix: str, *options: str) -> Path:
    """Put a file through FFmpeg."""
    file = new_file(suffix)
    ffmpeg("-i", source, *options, file)
    return file


def cut(source: Path, share: float = 0.6) -> Path:
    """Return the first part of a file's bytes."""
    whole = source.read_bytes()
    return written(whole[: int(len(whole) * share)], source.suffix)


def written(content: bytes | str, suffix: str = ".mp4") -> Path:
    """Return a file with this content."""
    file = new_file(suffix)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


@functools.cache
def vbr_mp3() -> Path:
    """Make 6 s of MP3 with variable rate and no header that counts its frames: it looks longer than it is."""
    file = new_file(".mp3")
    noise = "aevalsrc=if(lt(t\\,3)\\,0\\,random(0)):duration=6:sample_rate=44100"
    ffmpeg("-f", "lavfi", "-i", noise, "-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0", file)
    return file


@functools.cache
def streamed_webm() -> Path:
    """Make 4 s of WebM as a browser records it: written to a pipe, so without a duration."""
    file = new_file(".webm")
    coders = ["-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-f", "webm"]
    ffmpeg("-i", video(), *coders, "-", stdout=file)
    return file


@functools.cache
def lying_mkv() -> Path:
    """Make 4 s of Matroska whose header claims ten hours."""
    content = converted(video(), ".mkv", "-c", "copy").read_bytes()
    at = content.index(b"\x44\x89\x88") + 3
    return written(content[:at] + struct.pack(">d", 36_000_000.0) + content[at + 8 :], ".mkv")


@functools.cache
def mp3_with_cover() -> Path:
    """Make an MP3 with cover art, which FFmpeg shows as a video stream."""
    file = new_file(".mp3")
    cover = picture(width=300, height=300, suffix=".jpg")
    ffmpeg("-i", tone(suffix=".mp3"), "-i", cover, "-map", "0", "-map", "1", "-c", "copy",
           "-disposition:v", "attached_pic", file)  # fmt: skip
    return file


@functools.cache
def rotated_video(degrees_counterclockwise: int) -> Path:
    """Make a video that asks to be turned when shown, as phones do."""
    file = new_file(".mp4")
    ffmpeg("-display_rotation", str(degrees_counterclockwise), "-i", video(), "-c", "copy", file)
    return file


@functools.cache
def oriented_jpeg(orientation: int) -> Path:
    """Make a JPEG of 64x48 with an EXIF orientation."""
    file = new_file(".jpg")
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (64, 48), "red").save(file, exif=exif)
    return file


@functools.cache
def animated_gif() -> Path:
    """Make a GIF of 3 frames, 100 ms each."""
    file = new_file(".gif")
    frames = [Image.new("RGB", (32, 32), color) for color in ("red", "green", "blue")]
    frames[0].save(file, save_all=True, append_images=frames[1:], duration=100, loop=0)
    return file


@functools.cache
def bomb_png(width: int = 30_000, height: int = 30_000) -> Path:
    """Make a PNG of a few bytes that claims to be huge."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000), 9)
    chunks = b"".join(_png_chunk(name, data) for name, data in ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")))
    return written(b"\x89PNG\r\n\x1a\n" + chunks, ".png")


@functools.cache
def corrupt_png() -> Path:
    """Make a PNG in the middle of which bytes have changed."""
    content = bytearray(converted(video(), ".png", "-frames:v", "1").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 16] = bytes(byte ^ 0x5A for byte in content[middle : middle + 16])
    return written(bytes(content), ".png")


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
