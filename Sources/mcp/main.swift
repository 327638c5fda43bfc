import CatapultCLI

await Tool.main()
