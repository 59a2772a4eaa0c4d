from kinema.nodes.motion_files import register_folders

register_folders()  # as the host has it done when it loads the extension
