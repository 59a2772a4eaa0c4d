from kinema.nodes.inputs.motion_files import register_folders

register_folders()  # as the host has it done when it loads the extension
