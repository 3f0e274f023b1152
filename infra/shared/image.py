"""The container image of the pods."""

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

from infra import layer

PLATFORM = ecr_assets.Platform.LINUX_ARM64
# As Kubernetes says it.
ARCHITECTURE = "arm64"

CONTAINER = "http"
COMMAND = ("python", "-m", "pods.api")
# The number, so that runAsNonRoot can be checked without a look into the image.
USER = 10001

# All but the application, the pods' entry points and what the image is built from.
NOT_IMAGE = (
    *("/*", "!/backend", "!/pods"),
    *("/backend/**", "/pods/**", "!/backend/**/", "!/pods/**/", "!/backend/**/*.py", "!/pods/**/*.py"),
    *("!/pods/Dockerfile", "!/pods/requirements.txt"),
    "**/__pycache__",
)


def build_image(scope: Construct) -> ecr_assets.DockerImageAsset:
    """Return the image; synth stages what it is built from, and only deploying it needs docker.

    The staged folder is what runs on this machine.
    """
    return ecr_assets.DockerImageAsset(
        scope,
        "Image",
        directory=str(layer.ROOT),
        file="pods/Dockerfile",
        platform=PLATFORM,
        exclude=list(NOT_IMAGE),
        ignore_mode=IgnoreMode.GIT,
    )
