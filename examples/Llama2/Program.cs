using Marrow.Examples.Llama2;

Console.WriteLine(Llama2BoneFree.Plan);
Console.WriteLine(Llama2BoneRow.Plan.TrainableParameters);
Console.WriteLine(Llama2Lora.Plan.TrainableParameters);
