"""Secrets that are known by their shape, whatever they are named: tokens of known makers, keys."""
import re

from .values import MASK, RANDOM

#: How the tokens of known makers begin; such a token has 20 characters or more and a digit.
PREFIXES = tuple(
    "ABSK AGE-SECRET-KEY-1 aio_ AIza AKCp AKIA api_org_ AQVN ASIA ATATT3 ATBB ATCTT3 bkua_ CCIPAT_ "
    "ccipat_ CFPAT- CLOJARS_ csk- dapi dckr_oat_ dckr_pat_ doo_v1_ dop_v1_ dor_v1_ dp.audit. "
    "dp.ct. dp.pt. dp.sa. dp.scim. dp.st. dt0c01. dt0s01. e2b_ EAAC EZAK EZTK figd_ fio-u- FLWSECK "
    "fm2_ fo1_ gho_ ghp_ ghr_ ghs_ ghu_ github_pat_ glagent- glc_ glcbt- gldt- glffct- glft- "
    "glimt- gloas- glpat- glptt- glrt- glsa_ glsoat- glwt- GOCSPX- gsk_ hf_ HRKU- hvb. hvr. hvs. "
    "ico- jina_ lin_api_ lin_oauth_ LTAI mlsn. napi_ nfp_ npm_ NRAK- NRII- NRJS- ntn_ nvapi- ops_ "
    "pat-eu1- pat-na1- phx_ PMAK- pnu_ pplx- pscale_ pul- pypi- r8_ rdme_ re_ rk_live_ rk_test_ "
    "rpa_ rubygems_ sb_secret_ sbp_ secret_ SG. sgp_ sha256~ shippo_live_ shpat_ shpca_ shppa_ "
    "shpss_ sk- sk. sk_live_ sk_test_ sntrya_ sntrys_ sntryu_ sq0atp- sq0csp- sqa_ sqp_ squ_ tfp_ "
    "tk-us- tskey- tvly- whsec_ xai- xapp- xkeysib- xoxa- xoxb- xoxc- xoxd- xoxe- xoxe. xoxp- "
    "xoxr- xoxs- xsmtpsib- ya29.".split())

#: (needle, pattern): in a text with the needle, group 1 is kept and the rest of a match masked.
TOKEN_PATTERNS = [(needle, re.compile(pattern)) for needle, pattern in (
    ("PRIVATE KEY", r"(-----BEGIN [A-Z ]{0,32}PRIVATE KEY[A-Z ]{0,32}-----)(?:[^-]|-(?!----))+"),
    ("Private-Lines", r"(\bPrivate-Lines: ?\d{1,4}(?:\s|\\[rn]){1,4})"
                      r"(?:[\w+/=]{1,128}(?:\s|\\[rn]|\Z){1,4})+?(?=Private-MAC|\Z)"),
    ("Private-MAC", r"(\bPrivate-MAC: )[0-9a-f]{20,256}"),
    ("LS0tLS1CRUdJTi", r"()LS0tLS1CRUdJTi(?!BDRVJU|BQVUJM)[\w+/\\-]{16,}=*"),
    ("eyJ", r"(?<![\w-])()eyJ[\w-]{5,8192}(?:\.[\w-]{0,8192}){2,4}"),
    ("key-", r"(?<![\w-])()key-[0-9a-f]{32}(?![\w-])"),
    (".", r"(?<![\w.-])()[MNO][A-Za-z0-9]{23,27}\.[\w-]{6}\.[\w-]{27,38}(?![\w.-])"),
    ("atlasv1.", r"(?<![\w.-])()\w{14}\.atlasv1\.[\w-]{60,}"),
    ("hooks.", r"(hooks\.slack\.com/\w{1,20}/)[\w/.-]{8,255}"),
    ("webhook", r"(/webhooks/\d{1,24}/|/webhookb2/|/webhook/)[\w@/.-]{8,512}"),
    ("$", r"()\$(?:2[abxy]|[156y]|apr1|argon2\w{1,2})\$[\w./$=,+-]{8,256}"),
    (":AA", r"((?<![\w-])(?:bot)?\d{6,12}:)AA[\w-]{30,64}"),
)]
_SCHEME = re.compile(r"((?<!\w)[Bb](?:earer|EARER|asic) {1,4})([\w.~+/-]{8,8192}=*)(?![\w=])")
_SECRET = re.compile(r"[0-9=]|[a-z][A-Z]|\w{16}")
_WORD = re.compile(r"(?<![\w.-])[A-Za-z][\w.~+-]{18,}={0,2}")
_MARKED = re.compile(r"(?=[^0-9]*[0-9])\S*?(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{8}")


def mask_tokens(text):
    # type: (str) -> str
    """The text without tokens of known makers, JWTs, private keys and what a scheme goes before."""
    for needle, pattern in TOKEN_PATTERNS:
        if needle in text:
            text = pattern.sub(lambda match: match.group(1) + MASK, text)
    if len(text) < 12:
        return text
    return _WORD.sub(_mask_marked, _SCHEME.sub(_mask_credentials, text))


def _mask_credentials(match):
    return match.group(1) + MASK if _SECRET.search(match.group(2)) else match.group()


def _mask_marked(match):
    """A word that a maker marked, masked; in a path only if it has all kinds of letters."""
    word = match.group()
    in_path = match.string[match.start() - 1:match.start()] == "/"
    is_random = RANDOM.search(word) if in_path else _MARKED.match(word)
    return MASK if is_random and word.startswith(PREFIXES) else word
