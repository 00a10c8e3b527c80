"""An open body model (Anny) that moves by SMPL-X joint rotations and ARKit facial actions, and its renderer."""
