"""What the stories are made of: the objects of the shop, and how a story gets to its point."""

from collections.abc import Callable
from typing import Any

import storytelling
from process_operator.kube import names
from storytelling import Story, application
from userside import process

Tell = Callable[[Story], None]
STORIES: dict[str, Tell] = {}
"""All stories, by title."""

WEB = process("web", "web")
TICK = process("tick", "cron", schedule="0 4 * * *")


def job(key: str, moment: str, **spec: Any) -> storytelling.Body:
    return process(key, "job", jobStartPolicy=moment, **spec)


MIGRATE = job("migrate", "beforeDeployment")
WARM = job("warm", "afterSuccessDeployment")
ALARM = job("alarm", "afterFailedDeployment")
APPLICATION, PROCESS, RELEASE = names.APPLICATION_KIND, names.PROCESS_KIND, names.RELEASE_KIND
SIZE = names.RESOURCE_TYPE_KIND
SMALL = storytelling.SMALL
IMAGE_1 = "registry.example.com/shop:1"
IMAGE_2 = "registry.example.com/shop:2"
IMAGE_3 = "registry.example.com/shop:3"
IMAGE_4 = "registry.example.com/shop:4"


def told(tell: Tell) -> Tell:
    """Add a story; its title is the function's name."""
    STORIES[tell.__name__.replace("_", "-")] = tell
    return tell


def served(story: Story, *processes: storytelling.Body) -> None:
    """Bring the application up, and begin to tell from there."""
    story.begins_with("release shop-1 serves", application(), WEB, *processes)


def new_image(story: Story, image: str = IMAGE_2) -> None:
    story.changes(APPLICATION, "shop", image=image)


def goes_back_slowly(story: Story) -> None:
    """Let the release of image 2 fail, and the way back to image 1 take its time."""
    story.failing_images.update({IMAGE_1: "hangs", IMAGE_2: "hangs"})
    new_image(story)
    story.passes(620)


def fails_with_a_slow_alarm(story: Story) -> None:
    """Let the release of image 2 fail, and its job after failure take its time."""
    story.jobs.update(migrate="fails", alarm="hangs")
    new_image(story)
    story.passes(30)


def waits_behind(story: Story) -> None:
    """Let the release of image 2 be at its before-job, and that of image 3 wait for it."""
    served(story, MIGRATE)
    story.jobs["migrate"] = "hangs"
    new_image(story)
    story.passes(30)
    new_image(story, IMAGE_3)
    story.passes(5)


def is_suspended_for_an_hour(story: Story) -> None:
    story.changes(APPLICATION, "shop", suspend=True)
    story.passes(3600)
    story.changes(APPLICATION, "shop", suspend=False)
