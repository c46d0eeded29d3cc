"""The deployment: the real template and its pieces, copied beside the binaries, given to the real `sam deploy`."""

import os
import pathlib
import platform
import shutil
import subprocess

NAME = "hub-rehearsal"
# Taken by the emulator as the API's id, so that the public address is known before the first deployment.
API_ID = "0b5c2c1e"
FUNCTIONS = ("hub-api", "hub-progress", "hub-worker", "hub-sync")


class Stack:
    """A copy of what is deployed, in a folder of its own: a rehearsal's binaries never lie where those for AWS do."""

    def __init__(self, repository, folder, binaries, emulator, sam):
        self._folder = folder / "checkout"
        self._emulator = emulator
        self._sam = sam
        self._log = folder / "sam.log"
        self.public_url = f"http://{API_ID}.execute-api.localhost:{emulator.port}"
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        for name in ("template.yaml", "samconfig.toml"):
            shutil.copy(repository / name, self._folder)
        (self._folder / "infra").mkdir()
        for piece in (repository / "infra").glob("*.yaml"):
            shutil.copy(piece, self._folder / "infra")
        for function in FUNCTIONS:
            code = self._folder / "target/lambda" / function
            code.mkdir(parents=True)
            shutil.copy(pathlib.Path(binaries) / function / "bootstrap", code)

    def change_the_code(self, word):
        """Makes every package another one: a file more beside each binary."""
        for function in FUNCTIONS:
            (self._folder / "target/lambda" / function / "release.txt").write_text(f"{word}\n")

    def deploy(self, parameters):
        """Deploys, and raises with sam's last words where that fails. Answers the stack's outputs."""
        architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
        settled = {
            "Architecture": architecture,
            "DeletionProtection": "false",
            "ApiId": API_ID,
            "PublicUrl": self.public_url,
        }
        pairs = [f"{name}={value}" for name, value in {**settled, **parameters}.items()]
        command = [
            self._sam,
            "deploy",
            "--stack-name",
            NAME,
            "--region",
            self._emulator.sqs.meta.region_name,
            "--no-confirm-changeset",
            "--no-progressbar",
            "--parameter-overrides",
            *pairs,
        ]
        # Neither reads nor writes what the person at this machine has of sam's and of AWS's, and tells nobody.
        environment = {**os.environ, "HOME": str(self._folder), "SAM_CLI_TELEMETRY": "0"}
        with self._log.open("ab") as log:
            status = subprocess.run(
                command, cwd=self._folder, env=environment, stdout=log, stderr=subprocess.STDOUT, timeout=300
            ).returncode
        if status:
            words = "\n".join(self._log.read_text(errors="replace").splitlines()[-40:])
            raise RuntimeError(f"sam deploy ended with {status}:\n{words}")
        return self.outputs()

    def outputs(self):
        """What the stack says of itself."""
        stack = self._emulator.cloudformation.describe_stacks(StackName=NAME)["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def functions(self):
        """The functions' names; those of nested stacks among them."""
        names = []
        for page in self._emulator.functions.get_paginator("list_functions").paginate():
            names += [function["FunctionName"] for function in page["Functions"]]
        return sorted(name for name in names if name.startswith(NAME))
