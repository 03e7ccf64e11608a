"""Owns how each kind of moving source is decoded: upright, square, progressive, in SDR BT.709 and with its alpha."""

from dataclasses import dataclass

from media_services.media import Colour, Probe, Source

# FFmpeg's own decoders of these leave out the second stream, which is the alpha.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_HDR = ("smpte2084", "arib-std-b67")
_WIDE = ("bt2020", "smpte431", "smpte432")
_HD_LONG_PX, _HD_SHORT_PX = 1280, 577  # from either on, a picture that does not say its matrix is taken for HD
# White is where BT.2408 puts the white of paper and titles, and nits above 1000 are white as well. Up to 85 % of that
# white light stays what it is, so that SDR which was put into HDR comes back; above, lights keep some difference.
_WHITE_NITS = 203
_TONES = f"tonemap=mobius:param=0.85:peak={1000 / _WHITE_NITS:.3f}:desat=0"


@dataclass(frozen=True)
class Footage:
    """How a moving source is read: input options, and filters around its scaling.

    `before` makes the frames upright, square-pixelled and truly tagged, at the size their probe says. `after` brings
    their colours to SDR BT.709; it costs by the pixel and takes what `scale=out_color_matrix=bt709:out_range=tv` makes
    of the frames, so it may follow the scaling. `filters` is both, for before it.
    """

    options: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def filters(self) -> tuple[str, ...]:
        return self.before + self.after


def footage(source: Source) -> Footage:
    """Return how to read the picture of a video, or of an animation that was made a video.

    FFmpeg turns the frames by their display matrix itself. Alpha stays straight.
    """
    probe = source.probe
    if probe.colour is None:
        return Footage()
    decoder = _ALPHA_DECODERS.get(probe.video_codec or "") if probe.has_alpha else None
    colour = _complete(probe.colour, probe)
    before = [_tags(probe.colour, colour)]
    before += ["bwdif=mode=send_frame:deint=interlaced"] if probe.is_interlaced else []
    if not probe.is_square:
        before += [f"scale={probe.width}:{probe.height}:flags=bicubic", "setsar=1"]
    return Footage(
        options=("-c:v", decoder) if decoder else (),
        before=tuple(step for step in before if step),
        after=tuple(_to_sdr(colour, has_alpha=probe.has_alpha)),
    )


def _complete(colour: Colour, probe: Probe) -> Colour:
    """Return what the colours are taken for where a file is silent: all of BT.2020 by a part of it, else SD or HD."""
    primaries, matrix, transfer = colour.primaries, colour.matrix, colour.transfer
    wide = primaries == "bt2020" or (matrix or "").startswith("bt2020") or (transfer in _HDR and primaries is None)
    long_px, short_px = max(probe.width, probe.height), min(probe.width, probe.height)
    large = long_px >= _HD_LONG_PX or short_px >= _HD_SHORT_PX
    usual = "bt2020nc" if wide else "bt709" if large or primaries == "smpte432" else "smpte170m"
    return Colour(
        matrix=matrix or usual,
        primaries=primaries or ("bt2020" if wide else "bt709"),
        transfer=transfer or "bt709",
    )


def _tags(said: Colour, meant: Colour) -> str:
    """Return the filter that tags frames with what is meant where the file says nothing."""
    named = {"colorspace": (said.matrix, meant.matrix)}
    if meant.transfer in _HDR or meant.primaries in _WIDE:
        named |= {
            "color_primaries": (said.primaries, meant.primaries),
            "color_trc": (said.transfer, meant.transfer),
        }
    missing = [f"{name}={meant_name}" for name, (said_name, meant_name) in named.items() if said_name is None]
    return f"setparams={':'.join(missing)}" if missing else ""


def _to_sdr(colour: Colour, *, has_alpha: bool) -> list[str]:
    if colour.transfer not in _HDR and colour.primaries not in _WIDE:
        return []
    if has_alpha:
        # zscale darkens what is half transparent; FFmpeg's scaler does not, but it is slower and cuts lights at white.
        return ["scale=out_primaries=bt709:out_transfer=bt709:out_color_matrix=bt709:out_range=tv"]
    if colour.transfer not in _HDR:
        return ["zscale=primaries=bt709:transfer=bt709:matrix=bt709:range=tv"]
    # zscale applies the system gamma of HLG to each primary by itself, which changes hues; FFmpeg's scaler does not.
    from_hlg = ["scale=out_transfer=smpte2084"] if colour.transfer == "arib-std-b67" else []
    return [
        *from_hlg,
        f"zscale=transfer=linear:npl={_WHITE_NITS}",
        "format=gbrpf32le",
        "zscale=primaries=bt709",
        _TONES,
        "zscale=transfer=bt709:matrix=bt709:range=tv",
        "format=yuv444p",
    ]
