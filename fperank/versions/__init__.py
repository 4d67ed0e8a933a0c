"""Model versions as git and DVC hold them: which there are, naming one, proving one.

listing, release    what `fperank versions` and `fperank release` do
repository          git and DVC, asked by their own commands; what a `dvc.lock` records
own_record          whether that records what truly made a version
storage             DVC's cache and remote, asked by hash
proof/              what `fperank verify` does

From outside: `listing.model_versions`, `release.make_release`, `proof.verify.verify`,
`repository.top_folder`. Imports the hand-overs' names and what lies below them; never `publishing`
or `report`, and no stage's package: a version is made again by its own code, in a process.
"""
