"""What the frames of each kind of source look like once FFmpeg has read them as told."""

import functools

import numpy as np
import pytest

from media_services.media import Source
from media_services.opening import SAFE_INPUT
from media_services.probe import probe
from media_services.render.footage import footage
from tests import media

COLOURS = [(255, 255, 255), (128, 128, 128), (0, 0, 0), (204, 26, 26), (26, 179, 26), (26, 26, 204), (217, 166, 128)]
# Luma has 220 steps and chroma 225, of which the blue difference counts nearly double: rounding alone gives up to 3,
# and 5 where it is done twice, for the source's matrix and for the film's.
ROUNDED, CODED = 5, 7
MIXED = 10  # over the cube of colours through which FFmpeg's scaler takes HLG
BT709 = "out_color_matrix=bt709:out_range=tv"
TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # BT.2087


@functools.cache
def patches(*options, filters="null", colours=tuple(COLOURS), side=32, suffix=".mkv"):
    """Make a video of squares of these colours, given as 8-bit RGB or as exact shares of 1."""
    raw = media.new_file(".raw")
    row = np.array([np.array(colour) / (255 if max(colour) > 1 else 1) for colour in colours])
    frame = np.rint(row * 65535).astype(np.uint16)[None].repeat(side, 0).repeat(side, 1)
    raw.write_bytes(np.stack([frame] * 3).tobytes())
    file = media.new_file(suffix)
    size = f"{side * len(colours)}x{side}"
    media.ffmpeg("-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", size, "-r", "25", "-i", raw,
                 "-vf", filters, *options, file)  # fmt: skip
    return file


def coded(pixels, *, matrix="bt709", limits="tv", tags=""):
    """Return the filters that code RGB as a matrix and a range say, and tag it; or not."""
    scale = f"scale=out_color_matrix={matrix}:out_range={limits}:flags=accurate_rnd+full_chroma_int"
    silent = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    return f"{scale},format={pixels},{silent}" + (f",setparams={tags}" if tags else "")


def shown(file, *, size=None, after=False):
    """Return the first frame as the film would show it: RGBA, height x width x 4."""
    found = probe(file)
    plan = footage(Source("a", file, "a", 1, found))
    width, height = size or (found.width, found.height)
    out = media.new_file(".raw")
    scale = f"scale={width}:{height}:flags=bicubic:{BT709}"
    steps = [*plan.before, scale, *plan.after] if after else [*plan.filters, scale]
    steps += ["setsar=1", f"format={'yuva420p' if found.has_alpha else 'yuv420p'}"]
    steps += ["setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv"]
    steps += ["scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int,format=rgba"]
    media.ffmpeg(*SAFE_INPUT, *plan.options, "-i", file, "-vf", ",".join(steps),
                 "-frames:v", "1", "-f", "rawvideo", out)  # fmt: skip
    return np.frombuffer(out.read_bytes(), np.uint8).reshape(height, width, 4).astype(int)


def middles(frame, count):
    """Return the colours in the middles of equal parts of a frame's width."""
    height, width = frame.shape[:2]
    return frame[height // 2, [(2 * number + 1) * width // (2 * count) for number in range(count)], :3]


def differ(file, colours=COLOURS, **options):
    return np.abs(middles(shown(file, **options), len(colours)) - np.array(colours)).max()


class TestSdr:
    @pytest.mark.parametrize(
        ("pixels", "matrix", "limits", "tags"),
        [
            ("yuv420p", "bt709", "tv", "colorspace=bt709"),
            ("yuv420p", "bt601", "tv", "colorspace=smpte170m"),
            ("yuv422p", "bt601", "tv", "colorspace=bt470bg:color_primaries=bt470bg"),
            ("yuv444p", "smpte240m", "tv", "colorspace=smpte240m"),
            ("yuv420p", "bt709", "pc", "colorspace=bt709:range=pc"),
            ("yuv420p10le", "bt709", "tv", "colorspace=bt709"),
            ("yuv422p12le", "bt709", "pc", "colorspace=bt709:range=pc"),
            ("yuv420p", "bt601", "tv", ""),
        ],
    )
    def test_matrix_range_and_depth_are_understood(self, pixels, matrix, limits, tags):
        filters = coded(pixels, matrix=matrix, limits=limits, tags=tags)
        assert differ(patches("-c:v", "ffv1", filters=filters)) <= ROUNDED

    def test_hd_that_says_nothing_is_bt709(self):
        file = patches("-c:v", "ffv1", filters=coded("yuv420p"), side=184)
        assert probe(file).colour.matrix is None
        assert differ(file) <= ROUNDED

    @pytest.mark.parametrize("pixels", ["bgra", "rgb24", "gbrp", "gbrp10le", "gbrp16le"])
    def test_rgb_is_rgb(self, pixels):
        coder = "png" if pixels == "rgb24" else "ffv1"
        assert differ(patches("-c:v", coder, filters=f"format={pixels}")) <= ROUNDED

    @pytest.mark.parametrize(
        ("options", "suffix"),
        [
            (("-c:v", "libx264rgb", "-crf", "0"), ".mp4"),
            (("-c:v", "utvideo", "-pix_fmt", "gbrp"), ".avi"),
            (("-c:v", "qtrle"), ".mov"),
            (("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "2"), ".avi"),
            (("-c:v", "libx264", "-pix_fmt", "yuvj420p", "-crf", "4"), ".mp4"),
            (("-c:v", "libx264", "-pix_fmt", "yuv420p10le", "-crf", "4"), ".mp4"),
            (("-c:v", "prores_ks", "-profile:v", "3"), ".mov"),
            (("-c:v", "mpeg4", "-q:v", "2"), ".mp4"),
            (("-c:v", "libvpx-vp9", "-crf", "5", "-b:v", "0", "-pix_fmt", "yuv420p"), ".webm"),
        ],
    )
    def test_each_coder_gives_its_colours_back(self, options, suffix):
        assert differ(patches(*options, suffix=suffix)) <= CODED

    def test_grey_stays(self):
        greys = [(value,) * 3 for value in (255, 200, 128, 60, 0)]
        assert differ(patches("-c:v", "ffv1", filters="format=gray", colours=tuple(greys)), greys) <= 3

    @pytest.mark.parametrize("tags", ["color_primaries=bt2020", "color_primaries=bt2020:colorspace=bt2020nc"])
    def test_bt2020_becomes_bt709_in_light(self, tags):
        wide = tuple(map(tuple, (TO_BT2020 @ (np.array(COLOURS) / 255).T ** 2.4).T ** (1 / 2.4)))
        filters = coded("yuv420p10le", matrix="bt2020nc", tags=tags)
        file = patches("-c:v", "ffv1", filters=filters, colours=wide)
        assert differ(file) <= CODED
        assert differ(file, after=True) <= CODED


def pq(nits):
    """SMPTE ST 2084, from light to signal."""
    share = (np.clip(nits, 0, 10_000) / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * share) / (1 + 18.6875 * share)) ** 78.84375


def hlg(nits):
    """ITU-R BT.2100 hybrid log-gamma, from the light of a display of 1000 nits to signal."""
    light = np.clip(nits, 1e-6, None) / 1000
    luma = (light @ np.array([0.2627, 0.678, 0.0593]))[..., None]
    scene = (light * luma ** (-0.2 / 1.2)).clip(0, 1)
    high = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), high)


class TestHdr:
    CURVES = {"smpte2084": pq, "arib-std-b67": hlg}
    LIGHTS = (400, 1000)

    def made(self, transfer, *options, tags="color_primaries=bt2020:colorspace=bt2020nc:", suffix=".mkv"):
        """Make SDR colours as BT.2408 puts them into HDR, white at 203 nits, and lights beyond white."""
        nits = (TO_BT2020 @ (np.array(COLOURS) / 255).T ** 2.4).T * 203
        nits = np.concatenate([nits, np.array(self.LIGHTS)[:, None].repeat(3, 1)])
        filters = coded("yuv420p10le", matrix="bt2020nc", tags=f"{tags}color_trc={transfer}:range=tv")
        signal = tuple(map(tuple, self.CURVES[transfer](nits)))
        return patches(*(options or ("-c:v", "ffv1")), filters=filters, colours=signal, suffix=suffix)

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("transfer", CURVES)
    def test_sdr_in_hdr_comes_back_and_lights_stay_above_white(self, transfer, after):
        found = middles(shown(self.made(transfer), after=after), len(COLOURS) + 2)
        assert np.abs(found[1:-2] - COLOURS[1:]).max() <= MIXED
        white, brighter, brightest = found[0].min(), found[-2].min(), found[-1].min()
        assert 244 <= white < brighter < brightest
        assert brightest >= 254

    def test_what_a_phone_records_is_tone_mapped(self):
        coder = ("-c:v", "libx265", "-x265-params", "log-level=error:crf=5", "-tag:v", "hvc1")
        file = self.made("arib-std-b67", *coder, suffix=".mp4")
        assert probe(file).colour.transfer == "arib-std-b67"
        assert np.abs(middles(shown(file), len(COLOURS) + 2)[1:-2] - COLOURS[1:]).max() <= MIXED

    def test_a_transfer_alone_says_bt2020(self):
        found = middles(shown(self.made("smpte2084", tags="")), len(COLOURS) + 2)
        assert np.abs(found[1:-2] - COLOURS[1:]).max() <= CODED

    def test_alpha_and_odd_sizes_survive(self):
        half = "format=yuva444p10le,geq=lum='p(X,Y)':cb='p(X,Y)':cr='p(X,Y)':a=512"
        odd = ["-vf", f"crop=31:31:0:0:exact=1,{half}", "-c:v", "ffv1"]
        file = media.converted(self.made("arib-std-b67"), ".mkv", *odd)
        frame = shown(file)
        assert frame.shape == (31, 31, 4)
        assert np.abs(frame[..., 3] - 128).max() <= 1
        assert frame[15, 15, :3].min() >= 244


class TestAlpha:
    HALVES = "format=rgba,geq=r=204:g=26:b=26:a='if(lt(X,32),64,255)'"

    @pytest.mark.parametrize(
        ("options", "suffix"),
        [
            (("-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-crf", "4", "-b:v", "0"), ".webm"),
            (("-c:v", "libvpx", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-crf", "4", "-b:v", "2M"), ".webm"),
            (("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"), ".mov"),
            (("-c:v", "qtrle", "-pix_fmt", "argb"), ".mov"),
            (("-c:v", "png", "-pix_fmt", "rgba"), ".mov"),
            (("-c:v", "ffv1", "-pix_fmt", "yuva420p"), ".mkv"),
            (("-c:v", "utvideo", "-pix_fmt", "gbrap"), ".avi"),
        ],
    )
    def test_each_coder_keeps_it(self, options, suffix):
        frame = shown(patches(*options, filters=self.HALVES, colours=((1, 1, 1),) * 2, suffix=suffix))
        assert np.abs(frame[16, 8] - (204, 26, 26, 64)).max() <= CODED
        assert np.abs(frame[16, 56] - (204, 26, 26, 255)).max() <= CODED


class TestShape:
    def test_a_display_matrix_turns_the_frames(self):
        plain = patches("-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv420p", suffix=".mp4")
        file = media.new_file(".mp4")
        media.ffmpeg("-display_rotation", "-90", "-i", plain, "-c", "copy", file)
        frame = shown(file)
        assert frame.shape[:2] == (32 * len(COLOURS), 32)
        assert np.abs(middles(frame.transpose(1, 0, 2), len(COLOURS)) - COLOURS).max() <= CODED

    @pytest.mark.parametrize("turn", [0, 90])
    def test_pixels_are_square_before_anything_is_cut(self, turn):
        wide = patches("-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv420p", filters="setsar=2", suffix=".mp4")
        file = media.new_file(".mp4")
        media.ffmpeg("-display_rotation", str(turn), "-i", wide, "-c", "copy", file)
        found = probe(file)
        length = 64 * len(COLOURS)
        assert (found.width, found.height) == ((32, length) if turn else (length, 32))
        cut = f"crop={found.width}:{found.height}:0:0:exact=1"
        plan = footage(Source("a", file, "a", 1, found))
        media.ffmpeg(*SAFE_INPUT, "-i", file, "-vf", ",".join([*plan.filters, cut]), "-f", "null", "-")

    def test_an_odd_size_keeps_its_last_column(self):
        file = patches("-c:v", "libx264", "-crf", "4", "-pix_fmt", "yuv444p", filters="crop=223:31:0:0", suffix=".mp4")
        frame = shown(file)
        assert frame.shape[:2] == (31, 223)
        assert np.abs(frame[15, -1, :3] - COLOURS[-1]).max() <= CODED

    def test_interlaced_frames_lose_their_comb(self):
        """Each field of a square that jumps shows it elsewhere, so that neighbouring lines differ."""
        move = "color=black:s=64x64:r=50:d=0.4[b];color=white:s=16x64:r=50:d=0.4[s];[b][s]overlay=x='16*mod(n,3)'"
        file = media.new_file(".mpg")
        media.ffmpeg("-f", "lavfi", "-i", f"{move},tinterlace=interleave_top,setfield=tff",
                     "-c:v", "mpeg2video", "-q:v", "2", "-flags", "+ilme+ildct", file)  # fmt: skip
        assert probe(file).is_interlaced
        frame = shown(file)[8:-8, :, 0]
        assert np.abs(np.diff(frame, axis=0)).max() < 128

    def test_progressive_footage_of_bt709_needs_nothing(self):
        file = patches("-c:v", "ffv1", filters=coded("yuv420p", tags="colorspace=bt709"))
        assert footage(Source("a", file, "a", 1, probe(file))).filters == ()
