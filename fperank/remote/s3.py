"""S3 as boto3 speaks it, opened and explained in one way: for publishing, and for reading photos.

What goes wrong is named by operation, bucket, key and error code, never by what the server or the
library said: that may hold access keys and signed addresses.

Refused: endpoint addresses that hold a user or a password.
"""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

from fperank.ground.errors import DataError

CREDENTIALS_HELP = (
    "there are three ways to give them: the environment (AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY), a profile of ~/.aws/credentials (AWS_PROFILE=NAME, or --profile NAME "
    "where a command has it), or an SSO session (aws sso login --profile NAME, then that profile)"
)
_CREDENTIALS_FAULTS = {
    "CredentialRetrievalError",
    "NoAuthTokenError",
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "SSOError",
    "SSOTokenLoadError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}
_RIGHTS = {
    "PutObject": "needed are s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket",
    "DeleteObject": "needed are s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket",
    "GetSecretValue": "needed is secretsmanager:GetSecretValue",
}
_TO_READ = "needed are s3:GetObject and s3:ListBucket, and credentials of an account that has them"
_HINTS = {
    "NoSuchBucket": "the bucket does not exist",
    "InvalidAccessKeyId": "the credentials are not those of this server",
    "UnrecognizedClientException": "the credentials are not those of this server",
    "SignatureDoesNotMatch": "the credentials are not those of this server",
    "ExpiredToken": "the session has ended: log in again",
    "BadDigest": "the bytes changed on their way: repeat the command",
    "SlowDown": "the server is busy: repeat the command later",
    "503": "the server is busy: repeat the command later",
    "ResourceNotFoundException": "there is none of that name in this account and region",
}
_REFUSED = {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "403"}


_SERVICES = {"s3": "S3", "secretsmanager": "AWS Secrets Manager"}


def aws_client(
    service: str,
    *,
    profile: str | None = None,
    endpoint_url: str | None = None,
    anonymous: bool = False,
) -> Any:
    """Open a client of an AWS service.

    Args:
        service: boto3's name of it, such as `s3`.
        profile: name of an AWS profile; otherwise the environment tells.
        endpoint_url: another server than Amazon's; otherwise the environment tells.
        anonymous: go on without credentials where there are none, as public buckets allow.

    Raises:
        DataError: there are no credentials, or the endpoint is no plain address.
    """
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=16,
        retries={"mode": "standard", "total_max_attempts": 5},
        # Only what is asked for: other servers than Amazon's refuse checksums they do not know.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    try:
        name = _SERVICES.get(service, service)
        with explained("opening", name):
            session = boto3.Session(profile_name=profile)
            if session.get_credentials() is None:
                if not anonymous:
                    raise DataError(f"no credentials for {name} were found; {CREDENTIALS_HELP}")
                config = config.merge(Config(signature_version=UNSIGNED))
            client = session.client(service, endpoint_url=endpoint_url, config=config)
        valid = re.fullmatch(r"https?://[\w.-]+(?::\d+)?(?:/[^@?]*)?", client.meta.endpoint_url)
    except ValueError:
        valid = None
    if not valid:
        # Not shown: people write keys and passwords there.
        raise DataError(
            "--endpoint-url (or AWS_ENDPOINT_URL) must be an address such as "
            "https://s3.example.org:9000, without user and password"
        )
    return client


def s3_client(
    profile: str | None = None, endpoint_url: str | None = None, *, anonymous: bool = False
) -> Any:
    """Open a client of S3; see `aws_client`."""
    return aws_client("s3", profile=profile, endpoint_url=endpoint_url, anonymous=anonymous)


@contextlib.contextmanager
def explained(operation: str, address: str) -> Iterator[None]:
    """Say what went wrong and what to do, without a word of the server's or the library's own.

    Raises:
        DataError: in place of boto3's own errors.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error_code(error)
        hint = _RIGHTS.get(operation, _TO_READ) if code in _REFUSED else _HINTS.get(code)
        advice = f": {hint}" if hint else ""
        raise DataError(
            f"{_service(operation)} refused {operation} of {address} with {code}{advice}"
        ) from None
    except BotoCoreError as error:
        fault = type(error).__name__
        if fault in _CREDENTIALS_FAULTS:
            raise DataError(
                f"no credentials for {_service(operation)} ({fault}); {CREDENTIALS_HELP}"
            ) from None
        if fault == "NoRegionError":
            raise DataError(
                f"{operation} of {address}: the AWS region is not known; set AWS_DEFAULT_REGION, "
                "for example to us-west-2"
            ) from None
        raise DataError(
            f"{operation} of {address} failed with {fault}: is the network there, and is "
            "--endpoint-url (or AWS_ENDPOINT_URL) right? The command can be repeated"
        ) from None


def error_code(error: Any) -> str:
    """The code of a botocore `ClientError`, if it is a plain one."""
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    return code if re.fullmatch(r"[A-Za-z0-9.]{1,60}", code) else "unknown"


def _service(operation: str) -> str:
    return _SERVICES["secretsmanager" if operation == "GetSecretValue" else "s3"]
