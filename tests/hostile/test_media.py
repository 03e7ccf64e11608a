"""What strangers' media can do: nothing but become a film, or be refused for a reason, soon and in little memory."""

import ast
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import av
import psutil
import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from media_services import confinement, ffmpeg, pipeline, process
from media_services.apart import probe_apart
from media_services.confinement import Limits
from media_services.errors import ErrorCode, MediaError
from media_services.fonts import read_faces
from media_services.media import MediaKind
from media_services.movie.reading import read
from media_services.opening import OWN_INPUT, SAFE_INPUT, open_plain, open_streams, require_safe
from media_services.probe import probe
from media_services.render.still import open_still
from media_services.subtitles.encoding import CaptionsError
from media_services.subtitles.given import parse
from media_services.transcriber import pieces
from tests import film, media
from tests.fuzz.media import SEEDS, damaged, seeds
from tests.hostile import files

ROOT = Path(__file__).parents[2]


def refusal(content, kind=None, *, within_s=2.0):
    """Return why content is refused; fail if that takes long."""
    file = media.written(content)
    began = time.process_time()
    with pytest.raises(MediaError) as caught:
        probe(file, kind=kind)
    assert caught.value.code == ErrorCode.UNSUPPORTED_MEDIA
    assert time.process_time() - began < within_s
    return caught.value.message


def understood(file, kind=None):
    """Return what is in a file, or None if it is refused; whatever else is raised passes through."""
    try:
        return probe(file, kind=kind)
    except MediaError as problem:
        if problem.code != ErrorCode.UNSUPPORTED_MEDIA:
            raise
        return None


def render(tmp_path, document):
    """Render a document of one project, whose sources are paths; return the film."""
    movie = read({"resolution": "64x48", "fps": 5, **document}, allow_files=True)
    local = {src: Path(src) for src, _ in movie.sources()}
    return pipeline.produce(movie, tmp_path / "work", lambda stage, fraction: None, local=local).films[0].file


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path


class TestEveryOpening:
    def test_no_other_module_opens_media_for_reading(self):
        readers = {"av.open", "Image.open", "imageio.imread", "VideoFileClip", "AudioFileClip", "whisper.load_audio"}
        found = {}
        for file in (*ROOT.glob("media_services/**/*.py"), *ROOT.glob("jobs/**/*.py")):
            for call in (node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)):
                name = ast.unparse(call.func)
                writes = len(call.args) > 1 and ast.unparse(call.args[1]) == "'w'"
                if name in readers and not writes:
                    found.setdefault(file.relative_to(ROOT).as_posix(), []).append(name)
        assert found == {"media_services/opening.py": ["av.open", "Image.open"]}

    def test_all_that_a_film_opens_is_opened_as_a_local_file_of_a_known_format(self, folder, monkeypatch):
        opened, commands = [], []
        av_open, run = av.open, process.run

        def seen_open(file, mode="r", **options):
            opened.append((mode, options.get("options", {})))
            return av_open(file, mode, **options)

        def seen_run(argv, **options):
            commands.append(argv)
            return run(argv, **options)

        monkeypatch.setattr("av.open", seen_open)
        monkeypatch.setattr("media_services.ffmpeg.run", seen_run)
        scene = {
            "duration": 1,
            "elements": [
                {"type": "video", "src": str(media.video(duration_s=0.5)), "loop": -1, "width": 32},
                {"type": "video", "src": str(media.video()), "seek": 1},
                {"type": "image", "src": str(media.animated_gif()), "zoom": 2},
                {"type": "image", "src": str(media.picture()), "zoom": 2},
                *[{"type": "audio", "src": str(media.tone(suffix=".mp3"))}] * 65,
            ],
        }
        render(folder, {"format": "gif", "scenes": [scene]})
        inputs = sum(argv.count("-i") for argv in commands)
        assert inputs > 6
        for argv in commands:
            require_safe(argv)
        reads = [options for mode, options in opened if mode == "r"]
        assert len(reads) > 4
        assert all(options["protocol_whitelist"] == "file" and options["format_whitelist"] for options in reads)

    def test_ffmpeg_is_not_started_with_an_input_that_lacks_its_own_whitelists(self, tmp_path):
        with pytest.raises(ValueError, match=r"open b\.mp4 by any protocol"):
            ffmpeg.render([*SAFE_INPUT, "-i", "a.mp4", "-i", "b.mp4", "c.mp4"], cwd=tmp_path, timeout_s=5)
        with pytest.raises(ValueError, match="any format"):
            ffmpeg.render(["-protocol_whitelist", "file", "-i", "a.mp4", "c.mp4"], cwd=tmp_path, timeout_s=5)

    def test_no_format_that_opens_other_files_is_among_those_of_sources(self):
        formats = set(SAFE_INPUT[3].split(","))
        assert not formats & {"hls", "dash", "concat", "concatf", "image2", "sdp", "rtsp", "imf", "avisynth",
                              "vapoursynth", "tty", "lavfi", "data", "ffmetadata", "webm_dash_manifest"}  # fmt: skip
        assert set(OWN_INPUT[3].split(",")) - formats == {"nut", "png_pipe", "gif", "concat"}


class TestFilesThatNameOthers:
    """Each is a file that would have FFmpeg, left to itself, open the secret or ask the server."""

    @pytest.fixture
    def secret(self, tmp_path):
        file = tmp_path / "secret.mp4"
        file.write_bytes(media.video(sound=False).read_bytes())
        return file

    @pytest.mark.parametrize("name", files.PLAYLISTS)
    def test_it_is_refused_and_nothing_else_is_opened(self, server, secret, tmp_path, name):
        file = tmp_path / name
        file.write_bytes(files.PLAYLISTS[name](secret, server.url("/")))
        for kind in (None, MediaKind.VIDEO, MediaKind.AUDIO, MediaKind.IMAGE):
            with pytest.raises(MediaError) as caught:
                probe(file, kind=kind)
            assert caught.value.code == ErrorCode.UNSUPPORTED_MEDIA
        assert server.requests == []

    @pytest.mark.parametrize("name", files.PLAYLISTS)
    def test_neither_ffmpeg_nor_the_recogniser_would_read_it(self, server, secret, tmp_path, name):
        file = tmp_path / name
        file.write_bytes(files.PLAYLISTS[name](secret, server.url("/")))
        shown = tmp_path / "shown.rgb"
        with contextlib.suppress(MediaError):
            ffmpeg.render([*SAFE_INPUT, "-i", str(file), "-f", "rawvideo", shown.name], cwd=tmp_path, timeout_s=20)
        assert not shown.exists() or not shown.stat().st_size
        with pytest.raises((av.FFmpegError, IndexError)):
            list(pieces(str(file)))
        assert server.requests == []

    @pytest.mark.parametrize(("name", "words"), [("drawing.svg", "an SVG drawing"), ("hls.mp4", "an HLS playlist")])
    def test_it_is_called_by_its_name(self, secret, name, words):
        assert words in refusal(files.PLAYLISTS[name](secret, "http://127.0.0.1/"), MediaKind.IMAGE)

    def test_with_a_laxer_whitelist_the_server_would_have_been_asked(self, server, secret, tmp_path):
        file = tmp_path / "list.m3u8"
        file.write_bytes(files.PLAYLISTS["hls.mp4"](secret, server.url("/")))
        media.ffmpeg("-protocol_whitelist", "file,http,tcp", "-i", file, "-f", "null", "-")
        assert server.hits["/a.ts"]

    def test_were_it_asked_to_ffmpeg_would_have_shown_the_other_file(self, secret, tmp_path):
        file = tmp_path / "elsewhere.mov"
        file.write_bytes(files.PLAYLISTS["elsewhere-alias.mov"](secret, ""))
        media.ffmpeg("-enable_drefs", "1", "-i", file, "-f", "rawvideo", tmp_path / "shown.rgb")
        assert (tmp_path / "shown.rgb").stat().st_size

    def test_a_pattern_of_numbered_pictures_is_a_name_like_any_other(self, tmp_path):
        for number in range(3):
            Image.new("RGB", (8, 8)).save(tmp_path / f"a{number}.png")
        with pytest.raises(av.FFmpegError):
            open_streams(tmp_path / "a%d.png")
        with pytest.raises(MediaError, match="FFmpeg failed"):
            ffmpeg.render([*SAFE_INPUT, "-i", str(tmp_path / "a%d.png"), "a.mp4"], cwd=tmp_path, timeout_s=20)

    def test_a_matroska_file_that_links_to_another_is_played_alone(self, secret, tmp_path):
        content = media.converted(media.video(sound=False), ".mkv", "-c", "copy").read_bytes()
        void = content.index(b"\xec", content.index(b"\x11\x4d\x9b\x74"))
        name = secret.name.encode()
        link = b"\x3e\x83\xbb" + bytes([0x80 | len(name)]) + name
        link = b"\x15\x49\xa9\x66" + bytes([0x80 | len(link)]) + link  # Info: NextFilename
        room = content[void + 1] & 0x7F if content[void + 1] & 0x80 else int.from_bytes(content[void + 2 : void + 9])
        header_bytes = 2 if content[void + 1] & 0x80 else 9
        end = void + header_bytes + room
        rest = end - void - len(link)
        assert rest > 2
        linking = content[:void] + link + b"\xec" + bytes([0x80 | rest - 2]) + bytes(rest - 2) + content[end:]
        file = tmp_path / "linking.mkv"
        file.write_bytes(linking)
        assert probe(file).frames == 100

    @pytest.mark.parametrize(
        "name", ["concat:a.mp4|b.mp4", "http:a.mp4", "subfile,,start,0,end,9,,:a.mp4", "-y", "data:,a"]
    )
    def test_a_name_is_never_taken_for_an_address_or_an_option(self, tmp_path, monkeypatch, name):
        monkeypatch.chdir(tmp_path)
        Path(name).write_bytes(media.video().read_bytes())
        assert probe(Path(name)).frames == 100


class TestSmallFilesThatAreEndless:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (lambda: files.png(65_535, 65_535), "more"),
            (lambda: files.gif(65_535, 65_535), "more"),
            (lambda: files.webp(16_384, 16_384), ""),
            (lambda: files.avif(65_535, 65_535), ""),
            (lambda: files.tiff(65_535, 65_535), "more"),
            (lambda: files.tiff(0xFFFFFFFF, 0xFFFFFFFF), ""),
            (lambda: files.gif(1, 1, 20_001), "more than 20,000 frames"),
            (lambda: files.gif(8_000, 8_000, 20), "too large (20 frames of 8000x8000)"),
            (lambda: files.gif(1, 1, comment_bytes=20_000_000), "longer comments"),
            (files.growing_gif, "larger than the animation"),
            (files.shared_tags, "share their bytes"),
            (lambda: files.with_exif(files.shared_tags()), "share their bytes"),
            (lambda: files.with_exif(bytes(200_000)), "more EXIF data"),
            (lambda: files.jpeg_with_exif(3), "more EXIF data"),
            (lambda: files.scans(101), "more than 100 scans"),
        ],
        ids=["png", "gif", "webp", "avif", "tiff", "tiff-32-bits", "gif-frames", "gif-pixels", "gif-comment",
             "gif-grows", "tiff-tags", "exif-tags", "exif-length", "jpeg-exif", "jpeg-scans"],
    )  # fmt: skip
    def test_a_picture_is_refused_before_it_is_decoded(self, content, words):
        assert words in refusal(content(), MediaKind.IMAGE)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (lambda: files.tracks(257), "more than 256 streams"),
            (lambda: files.tracks(20_000), "more than 256 streams"),
            (lambda: files.wav(channels=9), "9 channels, which cannot be mixed"),
            (lambda: files.wav(channels=255), "channels, which cannot be mixed"),
            (lambda: files.wav(channels=65_535, samples=2), ""),
            (lambda: files.wav(rate=2_000_000_000), "2,000,000,000 samples a second"),
            (lambda: files.wav(rate=0xFFFFFFFF), ""),
            (lambda: files.wav(rate=0), ""),
            (lambda: files.late_mkv(101), "lasts 101 hours; 100 are allowed"),
            (lambda: files.late_mkv(10**9), "hours; 100 are allowed"),
        ],
        ids=["streams", "20000-streams", "9-channels", "255-channels", "65535-channels", "2-ghz", "4-ghz", "0-hz",
             "101-hours", "a-billion-hours"],
    )  # fmt: skip
    def test_sound_or_video_is_refused_for_what_it_has_too_much_of(self, content, words):
        assert words in refusal(content())

    def test_a_million_frames_a_second_are_refused(self):
        source = ["-f", "lavfi", "-i", "color=size=16x16:rate=1000000:duration=0.002"]
        file = media.new_file(".mp4")
        media.ffmpeg(*source, "-c:v", "libx264", "-preset", "ultrafast", "-video_track_timescale", "1000000", file)
        assert refusal(file.read_bytes()) == "the picture has more than 1000 frames a second"

    def test_so_many_pieces_are_refused(self, monkeypatch):
        monkeypatch.setattr("media_services.streams._MOST_PACKETS", 50)
        assert refusal(media.video().read_bytes()) == "the file is in more than 50 pieces"

    def test_a_video_whose_pictures_are_too_large_is_refused_by_its_header(self):
        options = ["-vf", "scale=16384:4096", "-frames:v", "1", "-c:v", "mjpeg", "-an"]
        file = media.converted(media.video(), ".mov", *options)
        assert "16384x4096, more than the allowed" in refusal(file.read_bytes())

    def test_a_video_that_only_claims_to_be_large_is_as_large_as_it_is_or_refused(self):
        file = media.written(files.h264_of(4095, 4095))
        found = understood(file)
        assert found is None or found.width <= 160

    def test_ffmpeg_decodes_no_picture_that_grew_after_it_was_looked_at(self, tmp_path):
        small = [part for part in SAFE_INPUT if part != SAFE_INPUT[-1]] + ["100"]
        with pytest.raises(MediaError, match="FFmpeg failed"):
            ffmpeg.render([*small, "-i", str(media.video()), "-f", "null", "-"], cwd=tmp_path, timeout_s=20)
        assert SAFE_INPUT[-2] == "-max_pixels"

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (lambda: files.woff_bomb(300 * 1024**2), "unpacks to more than a font may have"),
            (lambda: files.woff_bomb(100 * 1024**2), "damaged"),
            (lambda: files.collection(257), "claims to hold 257 fonts"),
            (lambda: files.collection(0xFFFFFFFF), "claims to hold 4294967295 fonts"),
            (lambda: b"wOF2" + bytes(100), "WOFF2 is not read here"),
            (lambda: files.font(family="../../../etc/passwd,{\\p1}"), "no family name"),
        ],
        ids=["woff", "woff-lies", "faces", "4-billion-faces", "woff2", "name"],
    )
    def test_a_font_is_refused(self, content, words):
        assert words in refusal(content(), MediaKind.FONT)

    def test_a_font_whose_letters_are_far_larger_than_their_size_fails_the_film_at_its_text(self, folder):
        font = folder / "huge.ttf"
        font.write_bytes(files.font(unit=16, side=32_000))
        assert read_faces(font)
        text = {"type": "text", "text": "AAAA", "settings": {"font-url": str(font), "font-size": 100}}
        with pytest.raises(MediaError, match="many times as large as its font size") as caught:
            render(folder, {"scenes": [{"duration": 0.2, "elements": [text]}]})
        assert (caught.value.code, caught.value.path) == (ErrorCode.UNSUPPORTED_MEDIA, "/scenes/0/elements/0")

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"1\n00:00:00,000 --> 00:00:01,000\nx\n\n" * 300_000, "bytes at most"),
            (b"1\n00:00:00,000 --> 00:00:01,000\nx\n\n" * 100_001, "more than 100,000 cues"),
            (b"1\n00:00:00,000 --> 00:00:01,000\n" + b"x" * 200_000, "more than"),
            (b'{"a":' * 100_000, "nested too deeply"),
            (b"[" * 100_000, "nested too deeply"),
            (b"1\n999999999:00:00,000 --> 999999999:00:01,000\nx", "later than"),
        ],
        ids=["bytes", "cues", "cue", "objects", "lists", "times"],
    )
    def test_captions_are_refused(self, content, words):
        assert words in refusal(content, MediaKind.CAPTIONS, within_s=6)

    @pytest.mark.parametrize(
        "markup",
        [r"{\fs100000}", r"{\clip(m 0 0 l 99999 0 99999 99999)}", r"{\p1}m 0 0 l 9999 9999{\p0}", r"{\t(\fscx9000)}",
         r"{\fn../../etc/passwd}", r"{\k1}{\kf1}" * 2_000, r"{\r" + "\\" * 5_000 + "}", "{" * 5_000, r"{\blur9999}"],
        ids=["size", "clip", "drawing", "motion", "font", "karaoke", "backslashes", "braces", "blur"],
    )  # fmt: skip
    def test_nothing_of_the_markup_of_given_captions_comes_to_libass(self, markup):
        text = f"[Events]\nDialogue: 0,0:00:00.00,0:00:01.00,Default,,0,0,0,,{markup}word\n"
        began = time.process_time()
        try:
            (phrase,) = parse(text)
        except CaptionsError:
            return
        shown = " ".join(word.text for word in phrase.words)
        assert shown.removeprefix("{" * 5_000) == "word"
        assert time.process_time() - began < 1

    def test_subtitles_are_no_larger_than_the_film(self, folder):
        look = {"font-size": 100_000, "outline-width": 100, "style": "boxed-word"}
        captions = "1\n00:00:00,000 --> 00:00:00,400\nWWW @@@\n"
        subtitles = {"type": "subtitles", "captions": captions, "settings": look}
        made = render(folder, {"scenes": [{"duration": 0.4, "elements": [subtitles]}]})
        assert film.facts(made)["frames"] == 2
        assert "Style: Default,DejaVu Sans,48" in (folder / "work" / "film-0" / "subtitles.ass").read_text()


class TestSeedsOfTheSuiteThatAreDamaged:
    @pytest.mark.parametrize("seed", range(SEEDS))
    def test_it_is_understood_or_refused(self, seed):
        name, content, kind = damaged(seed)
        file = media.written(content, name)
        found = understood(file, kind)
        if found and found.kind is MediaKind.IMAGE and found.frames == 1:
            open_still(file).load()

    def test_the_seeds_themselves_are_all_understood(self):
        for name, content, kind in seeds():
            probe(media.written(content, name), kind=kind)

    @pytest.mark.parametrize("kind", [None, *MediaKind])
    def test_nothing_is_refused_as_anything(self, kind):
        assert refusal(b"", kind) == "the file is empty (0 bytes)"


class TestChildren:
    """What a command may not do that decodes what strangers made."""

    def told_by(self, code, folder, **options):
        told = []
        finished = process.run([sys.executable, "-c", code], cwd=folder, on_line=told.append, timeout_s=20, **options)
        return told, finished

    def test_it_sees_none_of_our_secrets(self, tmp_path, monkeypatch):
        monkeypatch.setenv("DATABASE_URL", "postgresql://ann:hush@db/videocraft")
        monkeypatch.setenv("VIDEOCRAFT_SECRET_KEY", "hush")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
        told, _ = self.told_by("import os; print(dict(os.environ))", tmp_path)
        assert "hush" not in told[0]
        assert not {"DATABASE_URL", "VIDEOCRAFT_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"} & set(ast.literal_eval(told[0]))

    @pytest.mark.skipif(shutil.which("unshare") is None, reason="no other program here can say what the kernel allows")
    def test_it_leaves_the_network_wherever_the_kernel_lets_anybody(self):
        """By another program's word, so that those below are left out for the kernel's fault and not for ours."""
        tries = (["unshare", "--net", "true"], ["unshare", "--user", "--net", "true"])
        allowed = any(subprocess.run(each, capture_output=True, check=False).returncode == 0 for each in tries)
        assert confinement.can_go_offline() == allowed

    @pytest.mark.skipif(not confinement.can_go_offline(), reason="this kernel allows no new network")
    def test_ffmpeg_reaches_nobody_even_where_it_may_use_any_protocol(self, server, tmp_path):
        url = server.serve("/a.mp4", media.video())
        argv = [ffmpeg.executable(), "-nostdin", "-v", "error", "-i", url, "-c", "copy", "a.mp4"]
        finished = process.run(argv, cwd=tmp_path, timeout_s=20)
        assert "Network is unreachable" in finished.stderr_tail
        assert (finished.exit_code != 0, server.requests, (tmp_path / "a.mp4").exists()) == (True, [], False)

    @pytest.mark.skipif(not confinement.can_go_offline(), reason="this kernel allows no new network")
    def test_nor_does_what_it_starts(self, tmp_path):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            code = (
                "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import socket; "
                f'socket.create_connection(("127.0.0.1", {listener.getsockname()[1]}), 3)\']))'
            )
            assert "unreachable" in self.told_by(code, tmp_path)[1].stderr_tail

    def test_where_the_kernel_does_not_allow_that_it_runs_all_the_same(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setattr(confinement, "_leave_network", lambda: False)
        confinement.can_go_offline.cache_clear()
        try:
            assert [self.told_by("print(1)", tmp_path)[0] for _ in range(2)] == [["1"], ["1"]]
        finally:
            confinement.can_go_offline.cache_clear()
        assert sum("network in reach" in line for line in caplog.messages) == 1

    def test_it_gains_no_rights_and_leaves_no_core(self, tmp_path):
        code = "import resource; print(open('/proc/self/status').read(), resource.getrlimit(resource.RLIMIT_CORE))"
        told, _ = self.told_by(code, tmp_path)
        assert "NoNewPrivs:\t1" in told
        assert told[-1].endswith("(0, 0)")

    def test_the_fork_that_works_for_a_job_gains_none_either(self):
        child = process.Fork(lambda send: send({"status": Path("/proc/self/status").read_text()}))
        while not child.has_ended():
            time.sleep(0.01)
        (message,) = child.messages()
        child.close()
        assert "NoNewPrivs:\t1" in message["status"]

    def test_it_writes_no_more_than_the_film_can_take(self, tmp_path):
        source = ["-protocol_whitelist", "", "-format_whitelist", "lavfi", "-f", "lavfi", "-i", "testsrc2"]
        with pytest.raises(MediaError, match="wrote more than this film can take") as caught:
            ffmpeg.render([*source, "-c:v", "rawvideo", "a.nut"], cwd=tmp_path, most_bytes=10**6, timeout_s=20)
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.FFMPEG_FAILED, False)
        assert (tmp_path / "a.nut").stat().st_size <= 10**6

    def test_memory_is_refused_to_it_before_it_is_seen_to_be_used(self, tmp_path):
        _, finished = self.told_by("bytearray(300_000_000)", tmp_path, limits=Limits(memory_bytes=200_000_000))
        assert "MemoryError" in finished.stderr_tail

    @pytest.mark.parametrize("most_bytes", [20_000_000, 100_000_000, 150_000_000, 190_000_000])
    def test_ffmpeg_that_wants_too_much_memory_says_so(self, tmp_path, monkeypatch, most_bytes):
        monkeypatch.setattr("media_services.ffmpeg.asked_for", lambda held_bytes: most_bytes)
        source = ["-protocol_whitelist", "", "-format_whitelist", "lavfi", "-f", "lavfi", "-i", "color=size=16384x8192"]
        with pytest.raises(MediaError) as caught:
            ffmpeg.render([*source, "-frames:v", "3", "-f", "null", "-"], cwd=tmp_path, timeout_s=20)
        assert (caught.value.code, caught.value.retryable) == (ErrorCode.MEMORY_LIMIT, False)


class TestProbingApart:
    """How the web server looks into what is uploaded."""

    def test_it_tells_what_a_probe_does(self):
        assert probe_apart(media.video()) == probe(media.video())
        with pytest.raises(MediaError, match="a web page"):
            probe_apart(media.written(b"<html>"))

    @pytest.mark.parametrize(
        ("deed", "words"),
        [
            (lambda file: os.kill(os.getpid(), signal.SIGKILL), "cannot be read without a crash"),
            (lambda file: time.sleep(60), "takes longer than 0.5 s"),
            (lambda file: bytearray(20 * 1024**3), "takes too much memory"),
        ],
        ids=["crash", "hang", "memory"],
    )
    def test_whatever_a_file_does_to_its_reader_it_is_refused_and_we_live(self, monkeypatch, deed, words):
        monkeypatch.setattr("media_services.apart.probe", deed)
        monkeypatch.setattr("media_services.apart._PATIENCE_S", 0.5)
        before = set(psutil.Process().children())
        with pytest.raises(MediaError, match=words) as caught:
            probe_apart(media.video())
        assert caught.value.code == ErrorCode.UNSUPPORTED_MEDIA
        assert set(psutil.Process().children()) <= before

    @pytest.mark.skipif(not confinement.can_go_offline(), reason="this kernel allows no new network")
    def test_it_reaches_nobody(self, monkeypatch, server):
        port = int(server.url("/").split(":")[2].strip("/"))
        monkeypatch.setattr("media_services.apart.probe", lambda file: socket.create_connection(("127.0.0.1", port), 3))
        with pytest.raises(MediaError, match="crash"):
            probe_apart(media.video())
        assert server.requests == []


class TestWhatIsNoFile:
    @pytest.fixture
    def strange(self, tmp_path):
        """Paths that are there and are no files, by their names."""
        (tmp_path / "folder.mp4").mkdir()
        os.mkfifo(tmp_path / "pipe.mp4")
        (tmp_path / "link-to-pipe.mp4").symlink_to(tmp_path / "pipe.mp4")
        (tmp_path / "loop.mp4").symlink_to(tmp_path / "loop.mp4")
        (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "missing.mp4")
        (tmp_path / "device.mp4").symlink_to("/dev/zero")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "socket.mp4"))
        return tmp_path

    @pytest.mark.timeout(20)
    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("folder.mp4", "a folder, say, a pipe or a device"),
            ("pipe.mp4", "a folder, say, a pipe or a device"),
            ("link-to-pipe.mp4", "a folder, say, a pipe or a device"),
            ("device.mp4", "a folder, say, a pipe or a device"),
            ("socket.mp4", "a folder, say, a pipe or a device"),
            ("/dev/zero", "a folder, say, a pipe or a device"),
            ("loop.mp4", "symbolic links"),
            ("nowhere.mp4", "No such file"),
            ("x" * 300, "name too long"),
        ],
    )
    def test_the_command_refuses_it_as_a_source_and_does_not_hang(self, strange, name, words):
        element = {"type": "video", "src": name}
        (strange / "document.json").write_text(json.dumps({"scenes": [{"elements": [element]}]}))
        with pytest.raises(CommandError, match=f"DOWNLOAD_FAILED.*{words}"):
            call_command("render", strange / "document.json", output=strange / "film.mp4")

    def test_a_link_to_a_file_is_followed_for_who_runs_the_command_may_read_it_anyway(self, tmp_path):
        (tmp_path / "link.mp4").symlink_to(media.video())
        with open_plain(tmp_path / "link.mp4") as opened:
            assert len(opened.read()) == media.video().stat().st_size

    def test_a_file_that_becomes_a_pipe_is_noticed(self, tmp_path, monkeypatch):
        os.mkfifo(tmp_path / "pipe")
        monkeypatch.setattr(Path, "stat", lambda self: os.stat(media.video()))
        with pytest.raises(OSError, match="replaced"):
            open_plain(tmp_path / "pipe")
