"""ROME (Zhou et al. 2025) in pixel space: class means of adversarial real images, under a pool of robust networks."""
