"""What files are, and why others are refused."""

import pytest
from PIL import Image

from media_services.errors import ErrorCode, MediaError
from media_services.media import Colour, MediaKind
from media_services.probe import probe
from tests import media


def refusal(file, kind=None):
    with pytest.raises(MediaError) as caught:
        probe(file, kind=kind)
    assert caught.value.code == ErrorCode.UNSUPPORTED_MEDIA
    assert not caught.value.retryable
    return caught.value.message


class TestVideo:
    def test_an_mp4_with_sound_tells_all(self):
        found = probe(media.video(), kind=MediaKind.VIDEO)
        assert (found.kind, found.format, found.duration_ms, found.frames) == (MediaKind.VIDEO, "mov", 4000, 100)
        assert (found.width, found.height, found.rotation, found.fps) == (160, 90, 0, 25.0)
        assert (found.has_sound, found.sample_rate, found.channels) == (True, 48000, 1)
        assert (found.video_codec, found.audio_codec, found.has_alpha) == ("h264", "aac", False)

    def test_a_silent_video_has_no_sound(self):
        found = probe(media.video(sound=False))
        assert (found.kind, found.has_sound, found.audio_codec) == (MediaKind.VIDEO, False, None)

    @pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi", ".ts", ".mov", ".mxf"])
    def test_the_name_of_a_file_does_not_matter(self, suffix):
        renamed = media.written(media.converted(media.video(), suffix).read_bytes(), ".jpg")
        found = probe(renamed, kind=MediaKind.VIDEO)
        assert found.duration_ms == pytest.approx(4000, abs=50)
        assert (found.width, found.height, found.has_sound) == (160, 90, True)

    def test_a_webm_without_a_duration_is_measured(self):
        assert probe(media.streamed_webm()).duration_ms == pytest.approx(4000, abs=10)

    def test_an_mkv_that_claims_ten_hours_is_not_believed(self):
        assert probe(media.lying_mkv()).duration_ms == pytest.approx(4000, abs=10)

    def test_a_fragmented_mp4_is_measured(self):
        file = media.converted(media.video(), ".mp4", "-c", "copy", "-movflags", "frag_keyframe+empty_moov")
        assert probe(file).duration_ms == pytest.approx(4000, abs=40)

    @pytest.mark.parametrize(("counterclockwise", "clockwise"), [(90, 270), (-90, 90), (180, 180)])
    def test_the_display_matrix_turns_the_picture(self, counterclockwise, clockwise):
        found = probe(media.rotated_video(counterclockwise))
        assert found.rotation == clockwise
        assert (found.width, found.height) == ((160, 90) if clockwise == 180 else (90, 160))

    def test_pixels_that_are_not_square_count_as_they_are_shown(self):
        file = media.converted(media.video(), ".mp4", "-vf", "setsar=2", "-an", "-preset", "ultrafast")
        assert (probe(file).width, probe(file).height, probe(file).is_square) == (320, 90, False)
        assert probe(media.video()).is_square

    def test_the_transparency_of_vp9_is_seen(self):
        options = ["-vf", "format=yuva420p", "-an", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-frames:v", "5"]
        assert probe(media.converted(media.video(), ".webm", *options)).has_alpha

    @pytest.mark.parametrize(
        ("tags", "colour"),
        [
            ("colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084", ("bt2020nc", "bt2020", "smpte2084")),
            ("colorspace=smpte170m:color_primaries=smpte432:color_trc=arib-std-b67",
             ("smpte170m", "smpte432", "arib-std-b67")),
            ("colorspace=unknown:color_primaries=unknown:color_trc=unknown", (None, None, None)),
        ],
    )  # fmt: skip
    def test_colours_mean_what_the_file_says(self, tags, colour):
        options = ["-vf", f"setparams={tags}", "-an", "-c:v", "ffv1", "-frames:v", "2"]
        assert probe(media.converted(media.video(), ".mkv", *options)).colour == Colour(*colour)

    def test_red_green_and_blue_need_no_matrix(self):
        options = ["-an", "-c:v", "qtrle", "-frames:v", "2"]
        assert probe(media.converted(media.video(), ".mov", *options)).colour.matrix == "gbr"

    def test_frames_of_two_fields_are_seen(self):
        options = ["-vf", "setfield=tff", "-an", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-frames:v", "5"]
        assert probe(media.converted(media.video(), ".ts", *options)).is_interlaced
        assert not probe(media.video()).is_interlaced

    def test_a_video_with_more_pixels_than_allowed_is_refused(self, settings):
        settings.VIDEOCRAFT = settings.VIDEOCRAFT.model_copy(update={"image_max_pixels": 160 * 90 - 1})
        assert "160x90, more than the allowed" in refusal(media.video())

    def test_a_picture_track_of_noise_is_refused(self):
        content = bytearray(media.video(sound=False).read_bytes())
        start = content.index(b"mdat") + 4
        content[start:] = bytes((index * 197 + 13) % 251 for index in range(len(content) - start))
        assert "picture cannot be decoded (h264)" in refusal(media.written(bytes(content)))


class TestSound:
    @pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aiff"])
    def test_each_format_lasts_as_long_as_it_does(self, suffix):
        found = probe(media.tone(suffix=suffix), kind=MediaKind.AUDIO)
        assert (found.kind, found.duration_ms, found.has_sound) == (MediaKind.AUDIO, 4000, True)
        assert (found.sample_rate, found.channels, found.width) == (48000, 1, 0)

    def test_a_vbr_mp3_without_a_header_is_measured(self):
        assert probe(media.vbr_mp3()).duration_ms == pytest.approx(6000, abs=60)

    def test_cover_art_is_not_a_video(self):
        assert probe(media.mp3_with_cover()).kind == MediaKind.AUDIO
        assert refusal(media.mp3_with_cover(), MediaKind.VIDEO) == "the file is sound, not a video"

    def test_the_sound_of_a_video_serves_where_sound_is_wanted(self):
        found = probe(media.video(), kind=MediaKind.AUDIO)
        assert (found.kind, found.duration_ms, found.width) == (MediaKind.AUDIO, 4000, 0)

    def test_a_silent_video_does_not_serve_as_sound(self):
        assert "a video without sound" in refusal(media.video(sound=False), MediaKind.AUDIO)


class TestPictures:
    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff", ".avif"])
    def test_each_format_is_read(self, suffix):
        found = probe(media.picture(suffix=suffix), kind=MediaKind.IMAGE)
        assert (found.kind, found.width, found.height) == (MediaKind.IMAGE, 64, 48)
        assert (found.duration_ms, found.frames, found.has_alpha) == (0, 1, False)

    @pytest.mark.parametrize(("orientation", "degrees"), [(1, 0), (3, 180), (6, 90), (8, 270)])
    def test_exif_turns_a_jpeg(self, orientation, degrees):
        found = probe(media.oriented_jpeg(orientation))
        assert found.rotation == degrees
        assert (found.width, found.height) == ((48, 64) if degrees in (90, 270) else (64, 48))

    def test_transparency_is_seen(self):
        file = media.new_file(".png")
        Image.new("RGBA", (4, 4), (255, 0, 0, 128)).save(file)
        assert probe(file).has_alpha

    def test_an_animation_has_frames_and_a_length_but_is_no_video(self):
        found = probe(media.animated_gif())
        assert (found.kind, found.frames, found.duration_ms) == (MediaKind.IMAGE, 3, 300)
        assert refusal(media.animated_gif(), MediaKind.VIDEO) == "the file is an image (GIF), not a video"

    def test_an_animation_that_would_take_minutes_is_refused(self, monkeypatch):
        monkeypatch.setattr("media_services.probe._ANIMATION_PX", 3 * 32 * 32 - 1)
        assert "too large (3 frames of 32x32): make it a video" in refusal(media.animated_gif())

    def test_transparency_that_only_a_later_frame_has_is_seen(self):
        frames = [Image.new("RGBA", (8, 8), "red"), Image.new("RGBA", (8, 8), (0, 0, 0, 0))]
        file = media.new_file(".webp")
        frames[0].save(file, save_all=True, append_images=frames[1:], duration=100, lossless=True)
        assert probe(file).has_alpha
        assert not probe(media.animated_gif()).has_alpha

    def test_an_animation_cut_off_is_refused(self):
        file = media.new_file(".webp")
        frames = [Image.effect_noise((64, 64), 50 + number).convert("RGB") for number in range(5)]
        frames[0].save(file, save_all=True, append_images=frames[1:], duration=100)
        assert "damaged or cut off" in refusal(media.cut(file))

    def test_a_corrupt_png_is_refused(self):
        assert "the image (PNG) is damaged or cut off" in refusal(media.corrupt_png())

    @pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tiff", ".avif"])
    def test_a_cut_picture_is_refused(self, suffix):
        whole = media.converted(media.video(), ".png", "-frames:v", "1")
        file = media.new_file(suffix)
        with Image.open(whole) as image:
            image.convert("RGB").save(file)
        assert probe(file).width == 160
        assert "damaged or cut off" in refusal(media.cut(file))

    def test_a_bomb_is_refused_by_its_header(self):
        assert "more" in refusal(media.bomb_png())
        assert "9000x8000, more than the allowed" in refusal(media.bomb_png(9000, 8000))


class TestCutFiles:
    def test_a_faststart_mp4_says_where_it_ends(self):
        assert refusal(media.cut(media.video())) == "the picture ends after 2.4 of 4.0 s: the file is cut off"

    def test_an_mp4_without_its_index_is_cut_off(self):
        file = media.converted(media.video(), ".mp4", "-c", "copy")
        assert "cut off: its index is missing" in refusal(media.cut(file))

    @pytest.mark.parametrize("suffix", [".mkv", ".webm", ".avi", ".flv"])
    def test_a_cut_video_is_refused(self, suffix):
        assert "the file is cut off" in refusal(media.cut(media.converted(media.video(), suffix, "-an")))

    def test_a_cut_recording_without_a_duration_is_refused(self):
        assert "ends in the middle of its data" in refusal(media.cut(media.streamed_webm()))

    @pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aiff"])
    def test_a_cut_sound_is_refused(self, suffix):
        assert "the file is cut off" in refusal(media.cut(media.tone(suffix=suffix)))


class TestStrangers:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("<!DOCTYPE html><html><title>Sign in</title></html>", "a web page (HTML), not a video"),
            ("\ufeff\n <!-- hi --><HTML><body>404</body></HTML>", "a web page (HTML)"),
            ('{"error": "not found"}', "JSON"),
            ("Not found\n", "a text file"),
            ("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "an HLS playlist"),
            ("ffconcat version 1.0\nfile /etc/passwd\n", "a list of files for FFmpeg"),
            ("v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5000 RTP/AVP 96\n", "a session description (SDP)"),
            ('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>', "a DASH playlist"),
            ('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
            ("<rss/>", "an XML document"),
            (b"PK\x03\x04" + bytes(100), "a ZIP archive"),
            (b"\x1f\x8b\x08" + bytes(100), "gzip-compressed data"),
            (b"%PDF-1.7\n", "a PDF document"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture (convert it to JPEG or PNG)"),
        ],
    )
    def test_what_is_no_media_is_called_by_its_name(self, content, words):
        assert f"the file is {words}" in refusal(media.written(content), MediaKind.VIDEO)

    def test_an_empty_file_is_refused(self):
        assert refusal(media.written(b"")) == "the file is empty (0 bytes)"

    def test_noise_is_refused(self):
        noise = bytes((index * index * 31 + 7) % 256 for index in range(20_000))
        assert "damaged, or of a format that is not supported" in refusal(media.written(noise))

    @pytest.mark.parametrize(
        ("file", "kind", "words"),
        [
            (media.video, MediaKind.IMAGE, "the file is a video, not an image"),
            (media.tone, MediaKind.IMAGE, "the file is sound, not an image"),
            (media.tone, MediaKind.VIDEO, "the file is sound, not a video"),
            (media.picture, MediaKind.VIDEO, "the file is an image (PNG), not a video"),
            (media.picture, MediaKind.AUDIO, "the file is an image (PNG), not sound"),
        ],
    )
    def test_a_file_of_another_kind_is_refused(self, file, kind, words):
        assert refusal(file(), kind) == words

    def test_a_playlist_in_disguise_opens_no_other_file(self):
        """FFmpeg would read the sibling if the concat format were allowed; a control character hides the text."""
        playlist = media.written("ffconcat version 1.0\n# \x01\nfile sibling.wav\n")
        playlist.with_name("sibling.wav").write_bytes(media.tone().read_bytes())
        assert "damaged, or of a format that is not supported" in refusal(playlist)


def test_the_bytes_that_were_looked_at_are_told_packet_by_packet():
    heard = []
    probe(media.video(), tick=heard.append)
    size_bytes = media.video().stat().st_size
    assert heard == sorted(heard)
    assert len(set(heard)) > 200
    assert 0.8 * size_bytes < heard[-1] < size_bytes


def test_a_tick_that_raises_stops_the_probe():
    class Enough(Exception):
        pass

    def tick(read_bytes):
        raise Enough

    with pytest.raises(Enough):
        probe(media.video(), tick=tick)
